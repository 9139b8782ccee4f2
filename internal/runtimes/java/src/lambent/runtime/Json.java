package lambent.runtime;

/** Writes the few JSON texts that are ours. */
final class Json {
    private Json() {}

    /** Appends a member unless its value is null, with a comma unless it is the object's first. */
    static void member(StringBuilder out, String name, String value) {
        if (value == null) {
            return;
        }
        if (out.charAt(out.length() - 1) != '{') {
            out.append(',');
        }
        string(out, name);
        string(out.append(':'), value);
    }

    static void string(StringBuilder out, String s) {
        out.append('"');
        for (int i = 0; i < s.length(); i++) {
            character(out, s.charAt(i));
        }
        out.append('"');
    }

    private static void character(StringBuilder out, char c) {
        switch (c) {
            case '"': out.append("\\\""); return;
            case '\\': out.append("\\\\"); return;
            case '\n': out.append("\\n"); return;
            case '\r': out.append("\\r"); return;
            case '\t': out.append("\\t"); return;
            case '\b': out.append("\\b"); return;
            case '\f': out.append("\\f"); return;
            default:
        }
        if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029) { // a header, as which causes travel, cannot have the first two
            out.append(String.format("\\u%04x", (int) c));
            return;
        }
        out.append(c);
    }
}
