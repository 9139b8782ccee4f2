package lambent.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.InputStream;
import java.io.OutputStream;

/** A handler of whatever style, as bytes in and bytes out. What it throws is the function's fault. */
interface Handler {
    void handle(InputStream event, OutputStream answer, Context context) throws Throwable;

    /** There is no code to run; what handle throws was known at the start. */
    default boolean missing() {
        return false;
    }
}
