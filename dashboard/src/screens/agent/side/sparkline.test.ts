import t from 'tap'
import { metricName, metricValue, sparkline } from './sparkline.ts'

const size = { width: 100, height: 20, most: 11 }

t.test('the newest value is at the right, the highest at the top', async t => {
  t.equal(sparkline([0, 10, 5], size), '80,19 90,1 100,10')
  t.equal(sparkline([3, 3], size), '90,10 100,10', 'what never changes is a line in the middle')
  t.equal(sparkline([7], size), '98,10 100,10')
  t.equal(sparkline([], size), '')
  t.equal(
    sparkline(
      Array.from({ length: 500 }, (_, i) => i),
      size,
    ).split(' ').length,
    11,
  )
})

t.test('names and units for people', async t => {
  t.same(['cpu', 'memoryBytes', 'queueDepth', 'tokens_per_second'].map(metricName), [
    'CPU',
    'Memory',
    'Queue depth',
    'Tokens per second',
  ])
  t.equal(metricValue('memoryBytes', 1536), '1.5 KiB')
  t.equal(metricValue('latencyMs', 12.345), '12.35 ms')
  t.equal(metricValue('items', 3), '3')
  t.equal(metricValue('loadPercent', 42), '42 %')
  t.equal(metricValue('tokens', 12_345.6), '12,346')
})
