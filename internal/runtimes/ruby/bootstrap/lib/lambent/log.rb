# frozen_string_literal: true

module Lambent
  # Where puts and Logger write: a descriptor of their own, in frames, so that a
  # message with several lines is one event (docs/environment.md §7.5).
  class Sink
    TEXT = 0xa55a0003
    JSON_TEXT = 0xa55a0002

    def initialize(file, type)
      @file = file
      @type = type
      @mutex = Mutex.new
    end

    def write(message)
      time = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
      frame = [@type, message.bytesize, time].pack('L>L>Q>') << message.b
      @mutex.synchronize { @file.write(frame) }
    end

    def close; end # a Logger's device must have it; the descriptor is the process's
  end

  # The function's log.
  module Log
    class << self
      attr_reader :puts_sink, :logger_sink, :formatter, :level

      # Takes the descriptor away from the environment, and puts and Logger to it.
      def install
        json = RUBY_VERSION >= '4' && ENV['AWS_LAMBDA_LOG_FORMAT'].to_s.casecmp?('JSON') # AWS's older ones log text only
        @formatter = json ? JsonLogFormatter.new : LogFormatter.new
        @level = json ? named_level(ENV['AWS_LAMBDA_LOG_LEVEL']) : ::Logger::DEBUG
        frames(ENV.delete('_LAMBDA_TELEMETRY_LOG_FD'), json)
        ::Logger.prepend(LoggerPatch)
      end

      def error(message, fault)
        puts message
        puts fault.pretty
      end

      private

      def frames(number, json)
        return unless number

        file = IO.new(number.to_i, 'wb')
        file.sync = true
        @puts_sink = Sink.new(file, Sink::TEXT)
        @logger_sink = Sink.new(file, json ? Sink::JSON_TEXT : Sink::TEXT)
        frame_puts
      rescue SystemCallError
        nil # then the standard output is what there is
      end

      # What a function prints with puts is one event, however many lines it has.
      def frame_puts
        Kernel.module_eval do
          def puts(*values)
            text = values.flatten.map { |v| v.to_s.encode('UTF-8', invalid: :replace, undef: :replace) }.join("\n")
            text << "\n" unless text.end_with?("\n")
            Lambent::Log.puts_sink.write(text)
            nil
          end
        end
      end

      def named_level(name)
        name = name.to_s.upcase
        return ::Logger::DEBUG if name == 'TRACE'

        ::Logger::Severity.const_defined?(name) ? ::Logger::Severity.const_get(name) : ::Logger::DEBUG
      rescue NameError
        ::Logger::DEBUG
      end
    end
  end

  # Loggers of the standard output or error, which is most, log as AWS's do.
  module LoggerPatch
    def initialize(logdev = nil, shift_age = 0, shift_size = 1_048_576, **options)
      if logdev.nil? || logdev == $stdout || logdev == $stderr
        options[:formatter] ||= Log.formatter
        options[:level] ||= Log.level
        logdev = Log.logger_sink || logdev || $stdout
      end
      super(logdev, shift_age, shift_size, **options)
    end
  end
end

# The line of a Logger, with the request's id.
class LogFormatter < Logger::Formatter
  FORMAT = "%s, [%s #%d] %5s %s -- %s: %s\n"

  def call(severity, time, progname, msg)
    line = format(FORMAT, severity[0], format_datetime(time), $$, severity, $_global_aws_request_id, progname, msg2str(msg))
    line.encode('UTF-8', invalid: :replace, undef: :replace, replace: "\ufffd")
  end
end

# A Logger's record as JSON.
class JsonLogFormatter < Logger::Formatter
  def call(severity, time, progname, msg)
    record = { timestamp: time.utc.strftime('%Y-%m-%dT%H:%M:%S.%6NZ'), level: severity,
               message: clean(msg.is_a?(Exception) ? msg.message : msg2str(msg)), requestId: $_global_aws_request_id }
    record[:logger] = clean(progname) unless progname.to_s.empty?
    record.merge!(exception(msg)) if msg.is_a?(Exception)
    "#{JSON.generate(record.compact)}\n"
  end

  private

  def exception(error)
    stack = Array(error.backtrace).map { |line| clean(line) }
    { errorType: error.class.to_s, errorMessage: clean(error.message), stackTrace: stack, location: location(stack.first) }
  end

  def location(line)
    found = line&.match(/\A(?<file>.+):(?<line>\d+):in [`'](?<method>.+)'\z/)
    found ? "#{found[:file]}:#{found[:method]}:#{found[:line]}" : line
  end

  def clean(value)
    value.to_s.encode('UTF-8', invalid: :replace, undef: :replace, replace: "\ufffd")
  end
end
