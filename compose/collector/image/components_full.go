//go:build full

package main

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/datadogexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/sigv4authextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourcedetectionprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/processor"
)

// moreComponents are what the full build has beyond the core.
func moreComponents() components {
	return components{
		processors: []processor.Factory{
			filterprocessor.NewFactory(),
			resourcedetectionprocessor.NewFactory(),
			tailsamplingprocessor.NewFactory(),
			transformprocessor.NewFactory(),
		},
		exporters: []exporter.Factory{
			datadogexporter.NewFactory(),
			fileexporter.NewFactory(),
			prometheusexporter.NewFactory(),
		},
		extensions: []extension.Factory{sigv4authextension.NewFactory()},
	}
}
