package lambent.runtime;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** A growing buffer that is written out without being copied: answers are up to six megabytes. */
final class Bytes extends ByteArrayOutputStream {
    Bytes(int capacity) {
        super(capacity);
    }

    void sendTo(OutputStream out) throws IOException {
        out.write(buf, 0, count);
    }
}
