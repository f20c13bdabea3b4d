// OpenTelemetry's SDK for Node, configured by its variables alone.
const { trace } = require("@opentelemetry/api");
const { NodeSDK } = require("@opentelemetry/sdk-node");

const NAME = "a span of Node";

async function main() {
  const sdk = new NodeSDK();
  sdk.start();
  const span = trace.getTracer("clients").startSpan(NAME);
  span.end();
  await sdk.shutdown();
  console.log(JSON.stringify({ spans: [{ trace_id: span.spanContext().traceId, name: NAME }] }));
}

main();
