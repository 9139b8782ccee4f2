package lambent.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * Finds the handler that a function's configuration names: "package.Class" that implements RequestHandler or
 * RequestStreamHandler, or "package.Class::method".
 *
 * <p>A class that cannot be initialised or constructed fails the start. Every other mistake is told to each caller.
 *
 * <p>There are no lambda expressions here nor in what else every start runs: the first costs 10 ms of processor time.
 */
final class Handlers {
    private static final byte[] NULL = {'n', 'u', 'l', 'l'};

    private final Binding binding;

    private Handlers(Binding binding) {
        this.binding = binding;
    }

    static Handler load(String name, ClassLoader loader, Binding binding) {
        int colons = name.lastIndexOf("::");
        String className = colons < 0 ? name : name.substring(0, colons);
        String method = colons < 0 ? null : name.substring(colons + 2);
        if (className.isEmpty() || (method != null && method.isEmpty())) {
            return failing(Fault.saying("Invalid handler: `" + name + "'"));
        }
        Class<?> type;
        try {
            type = Class.forName(className, true, loader);
        } catch (ClassNotFoundException e) {
            return failing(Fault.saying("Class not found: " + className, e));
        } catch (NoClassDefFoundError e) {
            return failing(Fault.ofLoading(className, e));
        } catch (Throwable t) {
            throw Fault.ofLoading(className, t);
        }
        Handlers handlers = new Handlers(binding);
        try {
            return method == null ? handlers.ofInterface(type) : handlers.ofMethod(type, method);
        } catch (Fault fault) {
            if (fault.fatal) {
                throw fault;
            }
            return failing(fault);
        } catch (Throwable t) {
            return failing(Fault.of(t, false));
        }
    }

    private static Handler failing(Fault fault) {
        return new Handler() {
            @Override public void handle(InputStream event, OutputStream answer, Context context) {
                throw fault;
            }

            @Override public boolean missing() {
                return true;
            }
        };
    }

    private Handler ofInterface(Class<?> type) throws Exception {
        if (RequestStreamHandler.class.isAssignableFrom(type)) {
            RequestStreamHandler handler = (RequestStreamHandler) make(type);
            return new Handler() {
                @Override public void handle(InputStream event, OutputStream answer, Context context) throws Throwable {
                    handler.handleRequest(event, answer, context);
                }
            };
        }
        if (!RequestHandler.class.isAssignableFrom(type)) {
            throw Fault.saying("Class does not implement an appropriate handler interface: " + type.getName());
        }
        Type[] types = Generics.requestHandlerTypes(type);
        @SuppressWarnings("unchecked")
        RequestHandler<Object, Object> handler = (RequestHandler<Object, Object>) make(type);
        return typed(types[0], types[1], new Call() {
            @Override public Object with(Object input, Context context) {
                return handler.handleRequest(input, context);
            }
        });
    }

    private Object make(Class<?> type) throws Exception {
        Constructor<?> constructor;
        try {
            constructor = type.getConstructor();
        } catch (NoSuchMethodException e) {
            if (type.getEnclosingClass() != null && !Modifier.isStatic(type.getModifiers())) {
                throw new Exception("Class " + type.getName() + " cannot be instantiated because it is a non-static inner class");
            }
            throw new Exception("Class " + type.getName() + " has no public zero-argument constructor", e);
        }
        try {
            return constructor.newInstance();
        } catch (InvocationTargetException e) {
            throw Fault.of(e.getCause() == null ? e : e.getCause(), true);
        }
    }

    /** Calls a handler with values. */
    private interface Call {
        Object with(Object input, Context context) throws Throwable;
    }

    /** Wraps a call with values as one with bytes; input is null for a handler that takes none. */
    private Handler typed(Type input, Type output, Call call) {
        boolean answers = output != void.class && output != Void.class;
        if (input != null) {
            binding.of(input, null); // a type that cannot be bound must show itself now
        }
        if (answers) {
            binding.of(output, null);
        }
        return new Handler() {
            @Override public void handle(InputStream event, OutputStream answer, Context context) throws Throwable {
                Object value = input == null ? null : parse(input, event, context);
                Object result = call.with(value, context);
                if (answers) {
                    print(output, result, answer, context);
                } else {
                    answer.write(NULL);
                }
            }
        };
    }

    private Object parse(Type type, InputStream event, Context context) {
        try {
            return binding.of(type, context).fromJson(event);
        } catch (Throwable t) {
            throw new RuntimeException("An error occurred during JSON parsing", Fault.withoutOurs(t));
        }
    }

    private void print(Type type, Object result, OutputStream answer, Context context) {
        try {
            PojoSerializer<Object> serializer = binding.of(type, context);
            serializer.toJson(result, answer);
        } catch (Throwable t) {
            throw new RuntimeException("An error occurred during JSON serialization of response", t);
        }
    }

    private Handler ofMethod(Class<?> type, String name) throws Exception {
        Method[] methods;
        try {
            methods = type.getMethods();
        } catch (NoClassDefFoundError e) {
            throw Fault.saying("Error loading method " + name + " on class " + type.getName(), e);
        }
        List<Method> named = new ArrayList<>();
        for (Method m : methods) {
            if (m.getName().equals(name)) {
                named.add(m);
            }
        }
        Collections.sort(named, new Comparator<Method>() {
            @Override public int compare(Method a, Method b) {
                return rank(b) - rank(a);
            }
        });
        for (Method m : named) {
            Handler handler = ofSignature(type, m);
            if (handler != null) {
                return handler;
            }
        }
        throw Fault.saying("No public method named " + name + " with appropriate method signature found on class " + type.getName());
    }

    /** Real methods before bridges; then more parameters before fewer, a last Context counting twice. */
    private static int rank(Method m) {
        Class<?>[] types = m.getParameterTypes();
        int length = types.length;
        if (length > 0 && types[length - 1] == Context.class) {
            length++;
        }
        return m.isBridge() ? length : length + 1000;
    }

    /** Takes a method whose parameters are in the permitted order, or says why it is passed over. */
    private Handler ofSignature(Class<?> type, Method m) throws Exception {
        Type[] p = m.getGenericParameterTypes();
        boolean context = p.length > 0 && p[p.length - 1] == Context.class;
        if (p.length > 3) {
            ignore("an overload of method " + m.getName() + " because it has too many parameters: Expected at most 3, got " + p.length);
            return null;
        }
        if (p.length == 3) {
            if (p[0] == InputStream.class && p[1] == OutputStream.class && context) {
                return streams(type, m);
            }
            ignore("three-argument overload because argument signature is not (InputStream, OutputStream, Context");
            return null;
        }
        if (p.length == 2 && !permitted(p[0], p[1], context)) {
            return null;
        }
        if (p.length > 0 && (p[0] == InputStream.class || p[0] == OutputStream.class)) {
            return streams(type, m);
        }
        Object instance = instance(type, m);
        Type input = p.length == 0 || (p.length == 1 && context) ? null : p[0];
        return typed(input, m.getGenericReturnType(), new Call() {
            @Override public Object with(Object value, Context c) throws Throwable {
                if (input == null) {
                    return context ? invoke(m, instance, c) : invoke(m, instance);
                }
                return context ? invoke(m, instance, value, c) : invoke(m, instance, value);
            }
        });
    }

    private static boolean permitted(Type first, Type second, boolean context) {
        if (first == OutputStream.class && !context) {
            ignore("two-argument overload because first argument type is OutputStream and second argument type is not Context");
            return false;
        }
        if (first == Context.class) {
            ignore("two-argument overload because first argument type is Context");
            return false;
        }
        if (first == InputStream.class && second != OutputStream.class && !context) {
            ignore("two-argument overload because second parameter type, " + Generics.raw(second).getName() + ", is not OutputStream.");
            return false;
        }
        if (first != InputStream.class && !context) {
            ignore("two-argument overload because second parameter type is not Context");
            return false;
        }
        return true;
    }

    private static void ignore(String what) {
        System.err.println("Ignoring " + what);
    }

    private Handler streams(Class<?> type, Method m) throws Exception {
        if (m.getReturnType() != void.class && m.getReturnType() != Void.class) {
            System.err.println("Will ignore return type " + m.getReturnType() + " on byte stream handler");
        }
        Object instance = instance(type, m);
        Class<?>[] p = m.getParameterTypes();
        return new Handler() {
            @Override public void handle(InputStream event, OutputStream answer, Context context) throws Throwable {
                Object[] values = new Object[p.length];
                boolean wrote = false;
                for (int i = 0; i < p.length; i++) {
                    values[i] = p[i] == InputStream.class ? event : p[i] == OutputStream.class ? answer : context;
                    wrote |= p[i] == OutputStream.class;
                }
                invoke(m, instance, values);
                if (!wrote) {
                    answer.write(NULL);
                }
            }
        };
    }

    private Object instance(Class<?> type, Method m) throws Exception {
        return Modifier.isStatic(m.getModifiers()) ? null : make(type);
    }

    private static Object invoke(Method m, Object instance, Object... values) throws Throwable {
        try {
            return m.invoke(instance, values);
        } catch (InvocationTargetException e) {
            throw e.getCause() == null ? e : e.getCause();
        }
    }
}
