package sun.misc;

import java.lang.reflect.Field;

/** The signatures that we compile against, which javac --release leaves out; every Java brings the class itself. */
public final class Unsafe {
    private Unsafe() {}

    public native Object staticFieldBase(Field field);

    public native long staticFieldOffset(Field field);

    public native Object getObject(Object base, long offset);
}
