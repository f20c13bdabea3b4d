// Command otelcol-contrib is an OpenTelemetry Collector with the components that floe-local
// compiles configs for. It takes the flags of the Collector's contrib distribution.
package main

import (
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpsprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// components are the factories of a build, by section of a config.
type components struct {
	receivers  []receiver.Factory
	processors []processor.Factory
	exporters  []exporter.Factory
	extensions []extension.Factory
}

func main() {
	settings := otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{
			Command:     "otelcol-contrib",
			Description: "OpenTelemetry Collector, built from packages by floe-local",
			Version:     "0.155.0",
		},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				ProviderFactories: []confmap.ProviderFactory{
					envprovider.NewFactory(),
					fileprovider.NewFactory(),
					httpprovider.NewFactory(),
					httpsprovider.NewFactory(),
					yamlprovider.NewFactory(),
				},
			},
		},
	}
	// The command prints its own error.
	if otelcol.NewCommand(settings).Execute() != nil {
		os.Exit(1)
	}
}

func factories() (otelcol.Factories, error) {
	core, more := coreComponents(), moreComponents()
	all := otelcol.Factories{Telemetry: otelconftelemetry.NewFactory()}
	var err error
	if all.Receivers, err = otelcol.MakeFactoryMap(
		append(core.receivers, more.receivers...)...,
	); err != nil {
		return all, err
	}
	if all.Processors, err = otelcol.MakeFactoryMap(
		append(core.processors, more.processors...)...,
	); err != nil {
		return all, err
	}
	if all.Exporters, err = otelcol.MakeFactoryMap(
		append(core.exporters, more.exporters...)...,
	); err != nil {
		return all, err
	}
	all.Extensions, err = otelcol.MakeFactoryMap(append(core.extensions, more.extensions...)...)
	return all, err
}
