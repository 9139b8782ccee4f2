package lambent.runtime;

import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import com.amazonaws.services.lambda.runtime.serialization.factories.GsonFactory;
import com.amazonaws.services.lambda.runtime.serialization.factories.JacksonFactory;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Type;
import java.util.Iterator;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Chooses who turns JSON into a type and back: the function's own CustomPojoSerializer, the one for AWS's event
 * classes, Gson when an Android client calls, else Jackson.
 */
final class Binding {
    private final ClassLoader loader;
    private final Map<Type, PojoSerializer<Object>> usual = new ConcurrentHashMap<>();
    private final Map<Type, PojoSerializer<Object>> android = new ConcurrentHashMap<>();
    private CustomPojoSerializer custom;
    private boolean looked;

    Binding(ClassLoader loader) {
        this.loader = loader;
    }

    /** A function may bring one serializer. */
    static final class TooManyServiceProvidersFoundException extends RuntimeException {
        private static final long serialVersionUID = 1;

        TooManyServiceProvidersFoundException() {
            super("Too many serializers provided inside the META-INF/services folder, only one is allowed");
        }
    }

    PojoSerializer<Object> of(Type type, Context context) {
        boolean gson = context != null && calledByAndroid(context);
        Map<Type, PojoSerializer<Object>> known = gson ? android : usual;
        PojoSerializer<Object> serializer = known.get(type);
        if (serializer == null) {
            serializer = choose(type, gson);
            known.put(type, serializer);
        }
        return serializer;
    }

    private static boolean calledByAndroid(Context context) {
        ClientContext client = context.getClientContext();
        return client != null && client.getEnvironment() != null
                && "Android".equalsIgnoreCase(client.getEnvironment().get("platform"));
    }

    @SuppressWarnings("unchecked")
    private PojoSerializer<Object> choose(Type type, boolean gson) {
        CustomPojoSerializer own = custom();
        if (own != null) {
            return adapt(own, type);
        }
        if (type instanceof Class && LambdaEventSerializers.isLambdaSupportedEvent(((Class<?>) type).getName())) {
            return LambdaEventSerializers.serializerFor((Class<Object>) type, loader);
        }
        return gson ? GsonFactory.getInstance().getSerializer(type) : JacksonFactory.getInstance().getSerializer(type);
    }

    private CustomPojoSerializer custom() {
        if (!looked) {
            custom = broughtNone() ? null : onlyOne(ServiceLoader.load(CustomPojoSerializer.class, loader).iterator());
            looked = true;
        }
        return custom;
    }

    /**
     * The usual case without a ServiceLoader, which looks everywhere and takes 5 ms to say so. Who speaks to the virtual machine can add to
     * the class path, so there it is asked.
     */
    private boolean broughtNone() {
        if (!(loader instanceof FunctionClassLoader)) { // rehearsing: no variable may be read yet
            return false;
        }
        for (String name : new String[] {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "AWS_LAMBDA_EXEC_WRAPPER"}) {
            if (System.getenv(name) != null) {
                return false;
            }
        }
        return ((FunctionClassLoader) loader).findResource("META-INF/services/" + CustomPojoSerializer.class.getName()) == null;
    }

    private static CustomPojoSerializer onlyOne(Iterator<CustomPojoSerializer> all) {
        CustomPojoSerializer first = all.hasNext() ? all.next() : null;
        if (all.hasNext()) {
            throw new TooManyServiceProvidersFoundException();
        }
        return first;
    }

    private static PojoSerializer<Object> adapt(CustomPojoSerializer own, Type type) {
        return new PojoSerializer<Object>() {
            @Override public Object fromJson(InputStream in) {
                return own.fromJson(in, type);
            }

            @Override public Object fromJson(String in) {
                return own.fromJson(in, type);
            }

            @Override public void toJson(Object value, OutputStream out) {
                own.toJson(value, out, type);
            }
        };
    }
}
