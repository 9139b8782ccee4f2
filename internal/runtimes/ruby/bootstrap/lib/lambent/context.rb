# frozen_string_literal: true

# What a handler is told about its function and this invocation.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
              :memory_limit_in_mb, :function_version, :identity, :client_context, :deadline_ms, :tenant_id

  def initialize(request)
    # Against the monotonic clock, so that a clock that is set meanwhile does not move the deadline.
    @clock_diff = clock(Process::CLOCK_REALTIME) - clock(Process::CLOCK_MONOTONIC)
    @deadline_ms = request['Lambda-Runtime-Deadline-Ms'].to_i
    @aws_request_id = request['Lambda-Runtime-Aws-Request-Id']
    @invoked_function_arn = request['Lambda-Runtime-Invoked-Function-Arn']
    @tenant_id = request['Lambda-Runtime-Aws-Tenant-Id']
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
    @identity = parse(request['Lambda-Runtime-Cognito-Identity'])
    @client_context = parse(request['Lambda-Runtime-Client-Context'])
  end

  def get_remaining_time_in_millis
    remaining = @deadline_ms - clock(Process::CLOCK_MONOTONIC) - @clock_diff
    remaining.positive? ? remaining : 0
  end

  private

  def clock(which)
    Process.clock_gettime(which, :millisecond)
  end

  def parse(text)
    JSON.parse(text) unless text.to_s.empty?
  end
end
