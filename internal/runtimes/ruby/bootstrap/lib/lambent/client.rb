# frozen_string_literal: true

require 'socket'

module Lambent
  # An event as the Runtime API handed it out. It answers to what
  # AwsLambda::Marshaller.marshall_request, which functions may replace, asks of
  # a Net::HTTPResponse.
  class Invocation
    attr_reader :body

    def initialize(headers, body)
      @headers = headers
      @body = body
    end

    def [](name)
      @headers[name.downcase]
    end

    def id
      self['Lambda-Runtime-Aws-Request-Id']
    end
  end

  # The Runtime API over one socket, kept alive: the part of HTTP/1.1 that it needs.
  class Client
    # The Runtime API could not be reached or understood.
    class Unreachable < StandardError; end

    # The connection ended before the first byte of an answer.
    class Hangup < StandardError; end

    AGENT = "aws-lambda-ruby/#{RUBY_VERSION}-lambent"
    BASE = '/2018-06-01/runtime/'
    MAX_CAUSE = 32 * 1024

    def initialize(address)
      @address = address
      @host, _, @port = address.rpartition(':')
    end

    # Waits, without a limit since the environment may be frozen meanwhile, for the next event.
    def next
      status, headers, body = exchange('GET', 'invocation/next', nil, {})
      raise Unreachable, "Received #{status} when waiting for next invocation." unless status == 200

      Invocation.new(headers, body.force_encoding(Encoding::UTF_8))
    end

    def respond(id, body, content_type)
      exchange('POST', "invocation/#{id}/response", body, 'Content-Type' => content_type)
    end

    def error(id, fault)
      headers = { 'Lambda-Runtime-Function-Error-Type' => fault.header }
      cause = fault.cause_json
      headers['Lambda-Runtime-Function-XRay-Error-Cause'] = cause if cause.bytesize <= MAX_CAUSE
      exchange('POST', "invocation/#{id}/error", fault.json, headers)
    end

    def init_error(fault)
      exchange('POST', 'init/error', fault.json, 'Lambda-Runtime-Function-Error-Type' => fault.header)
    end

    private

    def exchange(method, path, body, headers)
      reused = !@socket.nil?
      begin
        once(method, path, body, headers)
      rescue Hangup
        @socket = nil
        raise unless reused

        once(method, path, body, headers) # the idle connection had been closed before we spoke
      end
    rescue SystemCallError, IOError, SocketError, Hangup => e
      @socket = nil
      raise Unreachable, "#{method} #{path} at #{@address}: #{e.message}"
    end

    def once(method, path, body, headers)
      @socket ||= connect
      head = +"#{method} #{BASE}#{path} HTTP/1.1\r\nHost: #{@address}\r\nUser-Agent: #{AGENT}\r\n"
      headers.each { |name, value| head << name << ': ' << value << "\r\n" }
      head << "Content-Length: #{body.bytesize}\r\n" if body
      head << "\r\n"
      begin
        @socket.write(body ? head.b << body.b : head)
      rescue Errno::EPIPE, Errno::ECONNRESET
        # A server that refuses a large body answers before it has read it all.
      end
      read
    end

    def connect
      socket = TCPSocket.new(@host, @port.to_i)
      socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      socket.binmode
      socket
    end

    def read
      line = first_line
      status = Integer(line[%r{\AHTTP/1\.\d (\d{3})}, 1] || raise(IOError, 'not an HTTP answer'))
      headers = {}
      until (line = @socket.gets("\r\n", chomp: true) || raise(EOFError, 'the answer was cut short')).empty?
        name, _, value = line.partition(':')
        headers[name.downcase] = value.strip.force_encoding(Encoding::UTF_8)
      end
      body = body_of(headers)
      @socket = nil if headers['connection']&.casecmp?('close')
      [status, headers, body]
    end

    def first_line
      @socket.gets("\r\n", chomp: true) || raise(Hangup)
    rescue Errno::ECONNRESET
      raise Hangup
    end

    def body_of(headers)
      return fully(headers['content-length'].to_i) if headers['content-length']
      return +'' unless headers['transfer-encoding']&.casecmp?('chunked')

      whole = +''.b
      until (size = @socket.gets("\r\n").to_s.hex).zero?
        whole << fully(size)
        @socket.gets("\r\n")
      end
      nil until @socket.gets("\r\n", chomp: true).to_s.empty?
      whole
    end

    def fully(length)
      return +'' if length.zero?

      body = @socket.read(length)
      raise EOFError, 'the answer was cut short' if body.nil? || body.bytesize < length

      body
    end
  end
end
