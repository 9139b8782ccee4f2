import java.util.Map;

/** A function's class, which the rehearsal loads from where functions have theirs. */
public class Rehearsed {
    /** A handler's class can be constructed. */
    public Rehearsed() {}

    /** Answers what it was given. */
    public Map<String, Object> handle(Map<String, Object> event) {
        return event;
    }
}
