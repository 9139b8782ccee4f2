# frozen_string_literal: true

module Lambent
  # What is wrong with the function: as the log, the caller and X-Ray are told.
  class Fault
    # Types that are told in the header; others are the function's own business.
    TOLD = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError].freeze
    OURS = File.expand_path('../..', __dir__)
    MAX_STACK = 100
    MAX_CAUSE_STACK = 15

    # phase is 'Init' or 'Function'.
    def initialize(error, phase)
      @class = error.class.to_s
      @type = "#{phase}<#{@class}>"
      @message = text(error.message)
      @stack = (error.backtrace_locations || []).first(MAX_STACK).take_while { |l| !ours?(l) }
    end

    def header
      TOLD.include?(@class) ? @type : 'Function<UserException>'
    end

    def json
      JSON.generate(to_h)
    end

    def pretty
      JSON.pretty_generate(to_h)
    end

    def cause_json
      stack = @stack.first(MAX_CAUSE_STACK).map { |l| { path: l.path, line: l.lineno, label: l.label } }
      JSON.generate(
        working_directory: Dir.pwd,
        paths: defined?(Gem) ? Gem.paths.path : [],
        exceptions: [{ message: @message, type: @type, stack: stack }]
      )
    end

    private

    def to_h
      { errorMessage: @message, errorType: @type, stackTrace: @stack.map { |l| text(l.to_s) } }
    end

    def ours?(location)
      location.absolute_path&.start_with?("#{OURS}/")
    end

    # An error's message may be bytes of any kind; JSON is UTF-8.
    def text(string)
      string = string.dup.force_encoding(Encoding::UTF_8) if string.encoding == Encoding::BINARY
      string.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
    end
  end
end
