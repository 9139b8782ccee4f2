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
