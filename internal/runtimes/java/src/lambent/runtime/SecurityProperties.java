package lambent.runtime;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.security.Security;
import java.util.Properties;
import sun.misc.Unsafe;

/**
 * Security.setProperty without what Java 11 to 23 do besides: they ask whether the change is to be logged, and for that load all that
 * loggers need, some 8 ms of processor time at every start. The properties themselves are one table, which is private.
 */
final class SecurityProperties {
    private SecurityProperties() {}

    /** Tells whether the function sets it by a file of its own, which JAVA_TOOL_OPTIONS can name. */
    static boolean chosen(String name) {
        String file = System.getProperty("java.security.properties");
        if (file == null) {
            return false;
        }
        Properties own = new Properties();
        try (InputStream in = new FileInputStream(file)) {
            own.load(in);
        } catch (IOException e) {
            return false; // as on AWS, also for a URL, which Java would take
        }
        return own.containsKey(name);
    }

    static void set(String name, String value) {
        Properties all = table();
        if (all == null) {
            Security.setProperty(name, value);
        } else {
            all.setProperty(name, value);
        }
    }

    /** The table, null if this Java keeps it elsewhere or, from 24 on, would complain to the function's log. */
    private static Properties table() {
        String release = System.getProperty("java.specification.version");
        if (Integer.parseInt(release.substring(release.indexOf('.') + 1)) >= 24) {
            return null;
        }
        try {
            Field instance = Unsafe.class.getDeclaredField("theUnsafe");
            instance.setAccessible(true);
            Unsafe unsafe = (Unsafe) instance.get(null);
            Field table = Security.class.getDeclaredField("props");
            Security.getProperty("networkaddress.cache.ttl"); // it is filled when the class is initialized
            return (Properties) unsafe.getObject(unsafe.staticFieldBase(table), unsafe.staticFieldOffset(table));
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            return null;
        }
    }
}
