import java.util.Map;

public class Function {
    public Map<String, Object> handle(Map<String, Object> event) {
        return event;
    }
}
