import t from 'tap'
import { perSecond, readSamples, total } from './metrics-text.ts'

const text = (events: number) => `# HELP x Something
# TYPE x counter
fleetwire_log_events_total ${events}
fleetwire_agents{link="online"} 3
fleetwire_agents{link="late"} 1
fleetwire_agents_more 9
nodejs_eventloop_lag_p99_seconds 0.0369
`

t.test('samples by name and labels', async t => {
  const samples = readSamples(text(42))
  t.equal(samples.get('fleetwire_agents{link="late"}'), 1)
  t.equal(total(samples, 'fleetwire_agents'), 4)
  t.equal(samples.get('nodejs_eventloop_lag_p99_seconds'), 0.0369)
  t.equal(total(samples, 'absent'), 0)
})

t.test('a rate between two looks', async t => {
  const look = (at: number, events: number) => ({ at, samples: readSamples(text(events)) })
  t.equal(perSecond(look(1000, 42), look(3000, 52), 'fleetwire_log_events_total'), 5)
  t.equal(perSecond(undefined, look(3000, 52), 'fleetwire_log_events_total'), undefined)
  t.equal(perSecond(look(1000, 42), look(3000, 2), 'fleetwire_log_events_total'), undefined, 'the server restarted')
})
