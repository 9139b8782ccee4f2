# frozen_string_literal: true

module AwsLambda
  # Turns requests into events and answers into JSON. Functions may replace either.
  class Marshaller
    class << self
      def marshall_request(raw_request)
        raw_request['Content-Type'] == 'application/json' ? JSON.parse(raw_request.body) : raw_request.body
      end

      # The answer, and its content type unless that is application/json.
      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, 'application/unknown']
        else method_response.to_json
        end
      end
    end
  end
end

# The function's method. Handlers that are plain methods are called on this
# object, so its class is in the messages of some of their errors.
class LambdaHandler
  attr_reader :handler_file_name, :handler_method_name

  def initialize(env_handler:)
    parts = env_handler.split('.')
    case parts.size
    when 2 then @handler_file_name, @handler_method_name = parts
    when 3 then @handler_file_name, @handler_class, @handler_method_name = parts
    else
      raise ArgumentError, "Invalid handler #{parts}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where " \
                           'FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional ' \
                           'module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a ' \
                           'class-level method.'
    end
  end

  def call_handler(request:, context:)
    response =
      if @handler_class
        Kernel.const_get(@handler_class).send(@handler_method_name, event: request, context: context)
      else
        __send__(@handler_method_name, event: request, context: context)
      end
    AwsLambda::Marshaller.marshall_response(response)
  end
end
