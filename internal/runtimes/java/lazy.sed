# Moves constants of Jackson's into classes of their own, so that they are made when
# they are used. No line moves: stack traces name lines.
s/com\.fasterxml\./com.amazonaws.lambda.thirdparty.&/g

s/protected final static Pattern PATTERN_PLAIN = \(.*\)/private static final class Plain { static final Pattern PATTERN = \1 }/
s/PATTERN_PLAIN\.matcher/Plain.PATTERN.matcher/

s/protected final static Pattern PATTERN_ISO8601;/private static final class ISO8601 { static final Pattern PATTERN_ISO8601;/
s/PATTERN_ISO8601 = p;/& }/
s/PATTERN_ISO8601\.matcher/ISO8601.&/

s/protected final static DateFormat DATE_FORMAT_RFC1123;/private static final class RFC1123 { static final DateFormat DATE_FORMAT_RFC1123;/
s/DATE_FORMAT_RFC1123\.setTimeZone(DEFAULT_TIMEZONE);/& }/
s/_cloneFormat(DATE_FORMAT_RFC1123,/_cloneFormat(RFC1123.DATE_FORMAT_RFC1123,/

s/protected static final Calendar CALENDAR = \(.*\)/private static final class Blueprint { static final Calendar CALENDAR = \1 }/
s/(Calendar)CALENDAR/(Calendar)Blueprint.CALENDAR/

s/protected final static BigDecimal BD_MIN_LONG/public static final class Decimals { &/
s/protected final static \(BigDecimal BD_.*\)/public static final \1/
s/BigDecimal BD_MAX_INT = .*/& }/
s/BD_M[A-Z_]*\.compareTo/Decimals.&/

# UTC: the first time zone reads all of them.
s/protected final static TimeZone DEFAULT_TIMEZONE;/private static final class UTC { static final TimeZone DEFAULT_TIMEZONE;/
s/private static final TimeZone DEFAULT_TIMEZONE =/private static final class UTC { static final TimeZone DEFAULT_TIMEZONE =/
s/DEFAULT_TIMEZONE = TimeZone.*;/& }/
s/^ *TimeZone\.getTimeZone("UTC");/& }/
/static final TimeZone DEFAULT_TIMEZONE/!{
	/DEFAULT_TIMEZONE = TimeZone/!s/DEFAULT_TIMEZONE/UTC.&/
}

# What java.time's classes are bound with, see TimesWhenAsked.
/^public final class JavaTimeModule/,$ {
	s/extends SimpleModule/extends TimesWhenAsked { public JavaTimeModule() { super(PackageVersion.VERSION); } static final class All extends Types/
	s/public JavaTimeModule()$/All()/
	s/public void setupModule(SetupContext context)/ValueInstantiators valueInstantiators()/
	s/super.setupModule(context);//
	s/context.addValueInstantiators(new/return (new/
	$s/}/} }/
}

# A lambda expression is made when the first is met, for 10 ms.
s/src\.contents((key, value) -> {/src.contents(new java.util.function.BiConsumer<TypeKey,JsonSerializer<Object>>() { public void accept(TypeKey key, JsonSerializer<Object> value) {/
/src\.contents(new/,/});/s/^ *});/        }});/

# The first annotation of a process makes classes for it and for what it is annotated with. These have this one.
s/return (implClass\.getAnnotation(JacksonStdImpl\.class) != null);/switch (implClass.getName()) { case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.StringDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.UntypedObjectDeserializerNR": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.UntypedObjectDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.MapDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.CollectionDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.StringCollectionDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.StdKeyDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.StdKeyDeserializer$StringKD": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$BooleanDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$IntegerDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$LongDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$DoubleDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$NumberDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$BigDecimalDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$BigIntegerDeserializer": case "com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.deser.std.NumberDeserializers$FloatDeserializer": return true; default: return (implClass.getAnnotation(JacksonStdImpl.class) != null); }/
