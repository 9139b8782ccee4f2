package com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.datatype.jsr310;

import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.core.Version;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.BeanDescription;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.DeserializationConfig;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.JavaType;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.JsonDeserializer;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.JsonMappingException;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.JsonSerializer;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.KeyDeserializer;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.SerializationConfig;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.Deserializers;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.KeyDeserializers;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.ValueInstantiator;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.ValueInstantiators;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.module.SimpleModule;
import com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.ser.Serializers;

/**
 * What JavaTimeModule is here: it makes what it knows of java.time, which are forty objects with formats and patterns, when it is asked
 * about a class of that package for the first time. It knows no others, and no class outside extends one of them.
 */
class TimesWhenAsked extends SimpleModule {
    private static final long serialVersionUID = 1;

    TimesWhenAsked(Version version) {
        super(version);
    }

    /** What JavaTimeModule was. */
    abstract static class Types extends SimpleModule {
        private static final long serialVersionUID = 1;

        Types(Version version) {
            super(version);
        }

        final Serializers serializers() {
            return _serializers;
        }

        final Deserializers deserializers() {
            return _deserializers;
        }

        final Serializers keySerializers() {
            return _keySerializers;
        }

        final KeyDeserializers keyDeserializers() {
            return _keyDeserializers;
        }

        abstract ValueInstantiators valueInstantiators();
    }

    private static final class Made {
        static final Types TYPES = new JavaTimeModule.All();
    }

    private static boolean about(Class<?> type) {
        return type.getName().startsWith("java.time.");
    }

    private static boolean about(JavaType type) {
        return about(type.getRawClass());
    }

    @Override public void setupModule(SetupContext context) {
        context.addSerializers(new Values());
        context.addDeserializers(new ValuesRead());
        context.addKeySerializers(new Keys());
        context.addKeyDeserializers(new KeysRead());
        context.addValueInstantiators(new Zones());
    }

    private static final class Values extends Serializers.Base {
        @Override public JsonSerializer<?> findSerializer(SerializationConfig config, JavaType type, BeanDescription bean) {
            return about(type) ? Made.TYPES.serializers().findSerializer(config, type, bean) : null;
        }
    }

    private static final class ValuesRead extends Deserializers.Base {
        @Override public JsonDeserializer<?> findBeanDeserializer(JavaType type, DeserializationConfig config, BeanDescription bean)
                throws JsonMappingException {
            return about(type) ? Made.TYPES.deserializers().findBeanDeserializer(type, config, bean) : null;
        }

        @Override public boolean hasDeserializerFor(DeserializationConfig config, Class<?> type) {
            return about(type) && Made.TYPES.deserializers().hasDeserializerFor(config, type);
        }
    }

    private static final class Keys extends Serializers.Base {
        @Override public JsonSerializer<?> findSerializer(SerializationConfig config, JavaType type, BeanDescription bean) {
            return about(type) ? Made.TYPES.keySerializers().findSerializer(config, type, bean) : null;
        }
    }

    private static final class KeysRead implements KeyDeserializers {
        @Override public KeyDeserializer findKeyDeserializer(JavaType type, DeserializationConfig config, BeanDescription bean)
                throws JsonMappingException {
            return about(type) ? Made.TYPES.keyDeserializers().findKeyDeserializer(type, config, bean) : null;
        }
    }

    private static final class Zones extends ValueInstantiators.Base {
        @Override public ValueInstantiator findValueInstantiator(DeserializationConfig config, BeanDescription bean, ValueInstantiator usual) {
            return about(bean.getBeanClass()) ? Made.TYPES.valueInstantiators().findValueInstantiator(config, bean, usual) : usual;
        }
    }
}
