import io.openlineage.client.Clients;
import io.openlineage.client.OpenLineage;
import io.openlineage.client.OpenLineageClient;
import java.net.URI;
import java.time.ZonedDateTime;
import java.util.UUID;

/** openlineage-java, configured by its variables alone. */
public class Main {
    public static void main(String[] args) throws Exception {
        OpenLineage events = new OpenLineage(URI.create("https://example.com/clients"));
        OpenLineage.Run run = events.newRunBuilder().runId(UUID.randomUUID()).build();
        OpenLineage.Job job =
                events.newJobBuilder()
                        .namespace(System.getenv("OPENLINEAGE_NAMESPACE"))
                        .name("clients.openlineage_java")
                        .build();
        try (OpenLineageClient client = Clients.newClient()) {
            for (OpenLineage.RunEvent.EventType state :
                    new OpenLineage.RunEvent.EventType[] {
                        OpenLineage.RunEvent.EventType.START, OpenLineage.RunEvent.EventType.COMPLETE
                    }) {
                client.emit(
                        events.newRunEventBuilder()
                                .eventType(state)
                                .eventTime(ZonedDateTime.now())
                                .run(run)
                                .job(job)
                                .build());
            }
        }
        System.out.printf(
                "{\"runs\": [{\"run_id\": \"%s\", \"state\": \"COMPLETE\"}]}%n", run.getRunId());
    }
}
