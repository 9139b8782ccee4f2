package lambent.runtime;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The Runtime API over one bare socket, kept alive: the part of HTTP/1.1 that it needs. HttpURLConnection alone would
 * take longer to load than everything else here.
 */
final class Client {
    /** A longer X-Ray cause is left out: with three bytes for each character it would be all that a server takes of headers. */
    private static final int MAX_CAUSE = 300 * 1024;

    private static final String BASE = "/2018-06-01/runtime/";

    private final String address;
    private final String agent = "aws-lambda-java/" + System.getProperty("java.version") + "-lambent";
    private Socket socket;
    private InputStream in;
    private OutputStream out;
    private final byte[] buffer = new byte[16 * 1024];
    private int at;
    private int end;

    /** The Runtime API could not be reached or understood; there is no point in going on. */
    static final class Unreachable extends IOException {
        private static final long serialVersionUID = 1;

        Unreachable(String message, Throwable cause) {
            super(message, cause);
        }
    }

    Client(String address) {
        this.address = address;
    }

    /** Waits, without a limit since the environment may be frozen meanwhile, for the next event. */
    Invocation next() throws Unreachable {
        Answer answer = exchange("GET", "invocation/next", "", null);
        if (answer.status != 200) {
            throw new Unreachable("the Runtime API answered " + answer.status + " to GET invocation/next", null);
        }
        return new Invocation(answer.headers, answer.body);
    }

    void respond(String id, Bytes body) throws Unreachable {
        post("invocation/" + id + "/response", "Content-Type: application/json\r\n", body);
    }

    void reportError(String id, byte[] json, String type, String cause) throws Unreachable {
        report("invocation/" + id + "/error", json, type, cause);
    }

    void reportInitError(byte[] json, String type) throws Unreachable {
        report("init/error", json, type, null);
    }

    private void report(String path, byte[] json, String type, String cause) throws Unreachable {
        String headers = "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: " + type + "\r\n";
        if (cause != null && cause.length() <= MAX_CAUSE) {
            headers += "Lambda-Runtime-Function-XRay-Error-Cause: " + cause + "\r\n";
        }
        Bytes body = new Bytes(json.length);
        body.write(json, 0, json.length);
        post(path, headers, body);
    }

    /**
     * Hands something in. What is too large (413) the Runtime API tells the caller by itself. After any other refusal the next event
     * would be the same one again.
     */
    private void post(String path, String headers, Bytes body) throws Unreachable {
        int status = exchange("POST", path, headers, body).status;
        if (status / 100 != 2 && status != 413) {
            throw new Unreachable("the Runtime API answered " + status + " to POST " + path, null);
        }
    }

    private Answer exchange(String method, String path, String headers, Bytes body) throws Unreachable {
        boolean reused = socket != null;
        try {
            try {
                return once(method, path, headers, body);
            } catch (Hangup e) {
                close();
                if (!reused) {
                    throw e;
                }
                return once(method, path, headers, body); // the idle connection had been closed before we spoke
            }
        } catch (IOException e) {
            close();
            throw new Unreachable(method + " " + path + " at " + address + ": " + e.getMessage(), e);
        }
    }

    private Answer once(String method, String path, String headers, Bytes body) throws IOException {
        connect();
        String head = method + " " + BASE + path + " HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: " + agent + "\r\n" + headers;
        if (body != null) {
            head += "Content-Length: " + body.size() + "\r\n";
        }
        byte[] bytes = (head + "\r\n").getBytes(StandardCharsets.UTF_8);
        try {
            if (body != null && body.size() <= 8 * 1024) {
                Bytes whole = new Bytes(bytes.length + body.size()); // one segment instead of two
                whole.write(bytes, 0, bytes.length);
                body.sendTo(whole);
                whole.sendTo(out);
            } else {
                out.write(bytes);
                if (body != null) {
                    body.sendTo(out);
                }
            }
        } catch (IOException e) {
            if (!fill()) { // a server that refuses a large body answers before it has read it all
                throw new Hangup();
            }
        }
        return read();
    }

    private void connect() throws IOException {
        if (socket != null) {
            return;
        }
        int colon = address.lastIndexOf(':');
        Socket fresh = new Socket();
        fresh.setTcpNoDelay(true);
        String host = colon < 0 ? address : address.substring(0, colon);
        fresh.connect(new InetSocketAddress(host, colon < 0 ? 80 : Integer.parseInt(address.substring(colon + 1))));
        socket = fresh;
        in = fresh.getInputStream();
        out = fresh.getOutputStream();
        at = end = 0;
    }

    /** Tears the connection down, so that neither side waits for stragglers. */
    void abort() throws IOException {
        socket.setSoLinger(true, 0);
        close();
    }

    private void close() {
        if (socket != null) {
            try {
                socket.close();
            } catch (IOException e) {
                // what matters of this connection has been said
            }
            socket = null;
        }
    }

    /** The connection ended before the first byte of an answer. */
    private static final class Hangup extends EOFException {
        private static final long serialVersionUID = 1;
    }

    private static final class Answer {
        int status;
        final Map<String, String> headers = new HashMap<>();
        byte[] body;
    }

    private Answer read() throws IOException {
        if (at == end && !fill()) {
            throw new Hangup();
        }
        Answer answer = new Answer();
        String[] status = line().split(" ", 3);
        if (status.length < 2 || !status[0].startsWith("HTTP/1.")) {
            throw new IOException("not an HTTP answer");
        }
        answer.status = Integer.parseInt(status[1]);
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                answer.headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
            }
        }
        if (answer.status == 100) {
            return read();
        }
        answer.body = body(answer.headers);
        if ("close".equalsIgnoreCase(answer.headers.get("connection")) || status[0].equals("HTTP/1.0")) {
            close();
        }
        return answer;
    }

    private byte[] body(Map<String, String> headers) throws IOException {
        String length = headers.get("content-length");
        if (length != null) {
            byte[] body = new byte[Integer.parseInt(length)];
            readFully(body, 0, body.length);
            return body;
        }
        if (!"chunked".equalsIgnoreCase(headers.get("transfer-encoding"))) {
            return new byte[0];
        }
        Bytes whole = new Bytes(4096);
        while (true) {
            String size = line();
            int semicolon = size.indexOf(';');
            byte[] chunk = new byte[Integer.parseInt((semicolon < 0 ? size : size.substring(0, semicolon)).trim(), 16)];
            if (chunk.length == 0) {
                while (!line().isEmpty()) {
                    // trailers
                }
                return whole.toByteArray();
            }
            readFully(chunk, 0, chunk.length);
            whole.write(chunk, 0, chunk.length);
            line();
        }
    }

    private void readFully(byte[] to, int from, int length) throws IOException {
        int have = Math.min(end - at, length);
        System.arraycopy(buffer, at, to, from, have);
        at += have;
        while (have < length) {
            int n = in.read(to, from + have, length - have);
            if (n < 0) {
                throw new EOFException("the answer was cut short");
            }
            have += n;
        }
    }

    private String line() throws IOException {
        Bytes line = new Bytes(128);
        while (true) {
            if (at == end && !fill()) {
                throw new EOFException("the answer was cut short");
            }
            byte b = buffer[at++];
            if (b == '\n') {
                String text = new String(line.toByteArray(), StandardCharsets.UTF_8);
                return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
            }
            line.write(b);
        }
    }

    private boolean fill() throws IOException {
        int n;
        try {
            n = in.read(buffer, 0, buffer.length);
        } catch (java.net.SocketException e) {
            n = -1; // reset: as good as closed
        }
        at = 0;
        end = Math.max(n, 0);
        return n > 0;
    }
}
