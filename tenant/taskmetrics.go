package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// meterName is the instrumentation scope.
const meterName = "github.com/tenantgate/tenantgate/tenant"

// taskMetrics are the instruments of a [Runner]; nil has none.
type taskMetrics struct {
	runs, failures, items metric.Int64Counter
	duration              metric.Float64Histogram
	lastSuccess, lag      metric.Float64Gauge
}

func newTaskMetrics(p metric.MeterProvider) (*taskMetrics, error) {
	if p == nil {
		return nil, nil
	}
	m, meter := &taskMetrics{}, p.Meter(meterName)
	var errs [6]error
	m.runs, errs[0] = meter.Int64Counter("tenantgate.task.runs", metric.WithDescription("Runs of a background task, failed ones included."))
	m.failures, errs[1] = meter.Int64Counter("tenantgate.task.failures", metric.WithDescription("Runs of a background task that failed."))
	m.items, errs[2] = meter.Int64Counter("tenantgate.task.items", metric.WithDescription("Things that a background task did."))
	m.duration, errs[3] = meter.Float64Histogram("tenantgate.task.duration", metric.WithUnit("s"), metric.WithDescription("Duration of a run of a background task."))
	m.lastSuccess, errs[4] = meter.Float64Gauge("tenantgate.task.last_success", metric.WithUnit("s"), metric.WithDescription("Unix time of the last run that succeeded."))
	m.lag, errs[5] = meter.Float64Gauge("tenantgate.task.lag", metric.WithUnit("s"), metric.WithDescription("How long the work of a background task has been waiting."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("tenant: RunnerConfig.MeterProvider: %w", err)
	}
	return m, nil
}

func ofTask(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("task", name))
}

// ran counts a run that ended at the time.
func (m *taskMetrics) ran(ctx context.Context, task string, items int, took time.Duration, err error, at time.Time) {
	if m == nil {
		return
	}
	of := ofTask(task)
	m.runs.Add(ctx, 1, of)
	m.items.Add(ctx, int64(max(items, 0)), of)
	m.duration.Record(ctx, took.Seconds(), of)
	if err != nil {
		m.failures.Add(ctx, 1, of)
		return
	}
	m.lastSuccess.Record(ctx, float64(at.UnixMilli())/1000, of)
}

// late records the lag.
func (m *taskMetrics) late(ctx context.Context, task string, lag time.Duration) {
	if m != nil {
		m.lag.Record(ctx, lag.Seconds(), ofTask(task))
	}
}
