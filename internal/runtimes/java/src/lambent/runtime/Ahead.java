package lambent.runtime;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A start before it is known for which function.
 *
 * <p>The virtual machine is executed as ever, but for the variable _LAMBENT_AHEAD. It loads and exercises what every
 * start needs, tells that it is ready with a zero byte on the standard output, and reads the standard input to its end:
 * the working folder and the variables, each ended by a zero byte. From there on everything is as if it had been
 * executed with them. No byte of a function is seen before.
 */
final class Ahead {
    static final String MARK = "_LAMBENT_AHEAD";
    private static final String LIBRARY = "lambent-java.so";
    private static final int ROUNDS = 40;

    // The C library reads these for as long as the process lives.
    private static ByteBuffer memory;
    private static ByteBuffer pointers;

    private Ahead() {}

    /** Where a buffer's memory is. */
    private static native long address(ByteBuffer buffer);

    /** Makes an array of pointers to "name=value" the process's variables. */
    private static native void variables(long array);

    /** Changes to the folder, whose name a zero byte ends, and makes the standard input empty. Negative: an errno. */
    private static native int enter(long folder);

    /** Tells whether this process was started ahead. System.getenv is not asked: what it has seen it keeps. */
    static boolean asked() {
        byte[] mark = (MARK + "=1").getBytes(StandardCharsets.US_ASCII);
        try (InputStream in = new FileInputStream("/proc/self/environ")) {
            byte[] all = new byte[4096]; // those that are started ahead have few variables
            int size = in.read(all);
            for (int at = 0; at < size; at = end(all, at) + 1) {
                if (at + mark.length <= size && Arrays.equals(mark, Arrays.copyOfRange(all, at, at + mark.length))) {
                    return true;
                }
            }
        } catch (IOException e) {
            // not Linux
        }
        return false;
    }

    static void await() throws Exception {
        System.load(new File(new File(System.getProperty("java.class.path")).getAbsoluteFile().getParentFile(), LIBRARY).getPath());
        Rehearsal.warm(ROUNDS);
        // Streams of our own: System.in and System.out stay untouched.
        new FileOutputStream(FileDescriptor.out).write(0);
        byte[] message = read();
        if (message.length == 0) {
            Runtime.getRuntime().halt(0); // nobody needs this process any more
        }
        become(message);
        if (System.getenv(MARK) != null) {
            throw new IllegalStateException("the variables were read before they were there");
        }
    }

    private static byte[] read() throws IOException {
        InputStream in = new FileInputStream(FileDescriptor.in);
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[16 * 1024];
        for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
            all.write(buffer, 0, n);
        }
        return all.toByteArray();
    }

    private static void become(byte[] message) throws IOException {
        memory = ByteBuffer.allocateDirect(message.length);
        memory.put(message);
        long base = address(memory);
        int failed = enter(base);
        if (failed < 0) {
            throw new IOException("become a function's process: error " + -failed);
        }
        int count = 0;
        for (byte b : message) {
            count += b == 0 ? 1 : 0;
        }
        pointers = ByteBuffer.allocateDirect(8 * count).order(ByteOrder.nativeOrder()); // the folder's place is the end's
        for (int at = end(message, 0) + 1; at < message.length; at = end(message, at) + 1) {
            pointers.putLong(base + at);
        }
        pointers.putLong(0);
        variables(address(pointers));
    }

    private static int end(byte[] bytes, int at) {
        while (at < bytes.length && bytes[at] != 0) {
            at++;
        }
        return at;
    }
}
