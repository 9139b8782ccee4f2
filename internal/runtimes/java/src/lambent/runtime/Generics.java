package lambent.runtime;

import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Reads from a class what I and O of its RequestHandler are. As on AWS, the search goes breadth first through
 * interfaces before superclasses and a type variable is replaced only where it stands alone: the T within a List&lt;T&gt;
 * stays one and is bound as its bound.
 */
final class Generics {
    private Generics() {}

    /** A class with what its type parameters stand for, null if nothing is known. */
    private static final class Known {
        final Class<?> type;
        final Type[] values;

        Known(Class<?> type, Type[] values) {
            this.type = type;
            this.values = values;
        }

        static Known of(Type type, Known below) {
            if (type instanceof Class) {
                return new Known((Class<?>) type, null);
            }
            Type[] values = ((ParameterizedType) type).getActualTypeArguments();
            for (int i = 0; i < values.length; i++) {
                if (values[i] instanceof TypeVariable) {
                    values[i] = below.replace((TypeVariable<?>) values[i]);
                }
            }
            return new Known((Class<?>) ((ParameterizedType) type).getRawType(), values);
        }

        private Type replace(TypeVariable<?> variable) {
            TypeVariable<?>[] own = type.getTypeParameters();
            for (int i = 0; values != null && i < own.length; i++) {
                if (own[i].getName().equals(variable.getName())) {
                    return values[i];
                }
            }
            return variable;
        }
    }

    /** The types of events and answers; a Fault if the class does not say. */
    static Type[] requestHandlerTypes(Class<?> type) {
        Type[] types = search(type);
        if (types == null) {
            throw Fault.saying("Class " + type.getName() + " does not implement RequestHandler with concrete type parameters");
        }
        if (types.length != 2) {
            throw Fault.saying("Invalid class signature for RequestHandler. Expected two generic types, got " + types.length);
        }
        for (Type t : types) {
            if (t instanceof TypeVariable && !bounded((TypeVariable<?>) t)) {
                throw Fault.saying("Class " + type.getName()
                        + " does not implement RequestHandler with concrete type parameters: parameter " + t + " has no upper bound.");
            }
        }
        return types;
    }

    private static boolean bounded(TypeVariable<?> variable) {
        for (Type bound : variable.getBounds()) {
            if (bound != Object.class) {
                return true;
            }
        }
        return false;
    }

    private static Type[] search(Class<?> type) {
        Deque<Known> queue = new ArrayDeque<>();
        queue.add(new Known(type, null));
        while (!queue.isEmpty()) {
            Known known = queue.remove();
            for (Type above : known.type.getGenericInterfaces()) {
                Known next = Known.of(above, known);
                if (next.values != null && RequestHandler.class.isAssignableFrom(next.type)) {
                    return next.values;
                }
                queue.add(next);
            }
            Type above = known.type.getGenericSuperclass();
            if (above != null) {
                queue.add(Known.of(above, known));
            }
        }
        return null;
    }

    static Class<?> raw(Type type) {
        if (type instanceof Class) {
            return (Class<?>) type;
        }
        return type instanceof ParameterizedType ? (Class<?>) ((ParameterizedType) type).getRawType() : Object.class;
    }
}
