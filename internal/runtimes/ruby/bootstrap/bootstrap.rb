# frozen_string_literal: true

# The Ruby runtime: it requires the file that _HANDLER names and serves one
# invocation after the other.
#
# Functions count on what AWS's client has loaded (json, logger, stringio) or
# defined (AwsLambda::Marshaller, LambdaContext), so those are here under their
# names. Net::HTTP, which AWS uses to talk to the Runtime API, is loaded when a
# function first names it: it would take longer than everything else here.

require 'json'
require 'logger'
require 'stringio'
require 'time'
require 'uri'
require_relative 'lib/lambent/client'
require_relative 'lib/lambent/context'
require_relative 'lib/lambent/fault'
require_relative 'lib/lambent/handler'
require_relative 'lib/lambent/log'

autoload :Net, 'net/http'

# The functions' locale is en_US.UTF-8, which Ruby only follows on hosts that have
# it: on the others, every file was read as ASCII. Who chose with -E keeps that.
if Encoding.default_external == Encoding::US_ASCII
  verbose, $VERBOSE = $VERBOSE, nil
  Encoding.default_external = Encoding::UTF_8
  $VERBOSE = verbose
end

$stdout.sync = true

module Lambent
  # Runs a function until it fails in a way that it cannot be trusted after.
  class Runner
    INIT_FAILED = -4
    HANDLER_BROKEN = -1

    def initialize(client, handler)
      @client = client
      @handler = handler
    end

    def run
      load
      serve(@client.next) while true
    end

    private

    def load
      @function = LambdaHandler.new(env_handler: @handler)
      require @function.handler_file_name
    rescue Exception => e # a file may also exit, or not parse
      fault = Fault.new(e, 'Init')
      Log.error('Init error when loading handler ', fault)
      @client.init_error(fault)
      exit INIT_FAILED
    end

    def serve(invocation)
      $_global_aws_request_id = invocation.id
      ENV['_X_AMZN_TRACE_ID'] = invocation['Lambda-Runtime-Trace-Id']
      body, content_type = @function.call_handler(
        request: AwsLambda::Marshaller.marshall_request(invocation),
        context: LambdaContext.new(invocation)
      )
      body = body.read if content_type == 'application/unknown'
      @client.respond(invocation.id, body, content_type || 'application/json')
    rescue Client::Unreachable, SignalException
      raise
    rescue NameError => e # NoMethodError too: the code is not what it was meant to be
      broken(invocation, e)
    rescue StandardError => e
      report(invocation, e, 'Error raised from handler method')
    rescue Exception => e
      broken(invocation, e)
    end

    def broken(invocation, error)
      report(invocation, error, 'Critical exception from handler')
      exit HANDLER_BROKEN # in the ordinary way, with what the function registered to be done at its end
    end

    def report(invocation, error, message)
      fault = Fault.new(error, 'Function')
      Log.error(message, fault)
      @client.error(invocation.id, fault)
    end
  end

  # GEM_PATH names the places of the function's gems, as on AWS. The gems that
  # came with this interpreter are found behind them.
  def self.show_own_gems
    return unless defined?(Gem) && ENV['GEM_PATH']

    Gem.use_paths(Gem.dir, Gem.path | Gem.default_path)
  end
end

api = ENV.fetch('AWS_LAMBDA_RUNTIME_API') do
  warn 'AWS_LAMBDA_RUNTIME_API is not set: this program runs inside a Lambda execution environment'
  exit 1
end
Lambent::Log.install
root = Dir.pwd
$LOAD_PATH.unshift(root) unless $LOAD_PATH.include?(root)
Lambent.show_own_gems
Lambent::Runner.new(Lambent::Client.new(api), ENV.fetch('_HANDLER', '')).run
