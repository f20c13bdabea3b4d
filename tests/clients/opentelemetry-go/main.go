// OpenTelemetry's SDK for Go: `opentelemetry-go grpc|http`. It has no exporter that goes by
// OTEL_EXPORTER_OTLP_PROTOCOL: the program chooses.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const name = "a span of Go"

func exporter(ctx context.Context, protocol string) (*otlptrace.Exporter, error) {
	if protocol == "http" {
		return otlptracehttp.New(ctx)
	}
	return otlptracegrpc.New(ctx)
}

func send(ctx context.Context, protocol string) (string, error) {
	exporter, err := exporter(ctx, protocol)
	if err != nil {
		return "", err
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter))
	_, span := provider.Tracer("clients").Start(ctx, name)
	span.End()
	return span.SpanContext().TraceID().String(), provider.Shutdown(ctx)
}

func main() {
	traceID, err := send(context.Background(), os.Args[1])
	if err != nil {
		log.Print(err)
	}
	sent := map[string]any{"spans": []map[string]string{{"trace_id": traceID, "name": name}}}
	if err := json.NewEncoder(os.Stdout).Encode(sent); err != nil {
		log.Fatal(err)
	}
}
