import { useMetric, useMetricKeys } from '@fleetwire/react'
import { Section } from './section.tsx'
import { metricName, metricValue, sparkline } from './sparkline.ts'

const POINTS = 120
const WIDTH = 120
const HEIGHT = 20

export function Metrics({ agentId }: { agentId: string }) {
  const keys = useMetricKeys(agentId)
  if (keys.length === 0) return null
  return (
    <Section title="Metrics">
      <ul className="flex flex-col gap-1">
        {keys.map(key => (
          <Metric key={key} agentId={agentId} name={key} />
        ))}
      </ul>
    </Section>
  )
}

function Metric({ agentId, name }: { agentId: string; name: string }) {
  const points = useMetric(agentId, name, POINTS)
  const last = points.at(-1)
  return (
    <li className="flex min-h-7 items-center gap-3">
      <span className="min-w-0 flex-1 truncate text-text2" title={name}>
        {metricName(name)}
      </span>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        width={WIDTH}
        height={HEIGHT}
        aria-hidden
        className="shrink-0 overflow-visible text-work"
        preserveAspectRatio="none"
      >
        <polyline
          points={sparkline(points, { width: WIDTH, height: HEIGHT, most: POINTS })}
          fill="none"
          stroke="currentColor"
          strokeWidth="1.25"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <span className="w-20 shrink-0 text-right tabular-nums">{last === undefined ? '' : metricValue(name, last)}</span>
    </li>
  )
}
