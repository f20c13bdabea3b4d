import io.opentelemetry.api.trace.Span;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;

/** OpenTelemetry's SDK for Java, configured by its variables alone. */
public class Main {
    private static final String NAME = "a span of Java";

    public static void main(String[] args) {
        OpenTelemetrySdk sdk = AutoConfiguredOpenTelemetrySdk.initialize().getOpenTelemetrySdk();
        Span span = sdk.getTracer("clients").spanBuilder(NAME).startSpan();
        span.end();
        sdk.close();
        System.out.printf(
                "{\"spans\": [{\"trace_id\": \"%s\", \"name\": \"%s\"}]}%n",
                span.getSpanContext().getTraceId(), NAME);
    }
}
