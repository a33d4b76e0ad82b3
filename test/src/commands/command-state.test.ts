import type { Command } from '@fleetwire/protocol'
import t from 'tap'
import { type Transition, transition } from '../../../src/commands/command-state.ts'
import { finalStates, liveStates, stateName, T0, trials } from './command-samples.ts'

/*
 * A cell is the state that the event leads to, or why nothing changes: `stale` for another attempt, `already` in
 * effect, `ended`, `·` cannot happen here. The states are those of command-samples.ts.
 */
const live = `
                      | fresh      | sent       | given      | given+c    | working    | waiting    | hinted     | told       | cancelling | away       | away+w     | away+c
dispatch              | given      | given      | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
ack                   | ·          | working    | working    | cancelling | already    | already    | already    | already    | already    | already    | already    | already
ack older             | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
ack newer             | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
reject busy           | ·          | ·          | sent       | cancelled✓ | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
reject unsupported    | ·          | ·          | rejected   | cancelled✓ | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
reject policy         | ·          | ·          | rejected   | cancelled✓ | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
reject older          | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
reject newer          | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
progress              | ·          | ·          | ·          | ·          | working    | waiting    | hinted     | told       | cancelling | away       | away+w     | away+c
progress older        | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
progress newer        | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
result succeeded      | ·          | succeeded  | succeeded  | succeeded  | succeeded  | succeeded  | succeeded  | succeeded  | succeeded  | succeeded  | succeeded  | succeeded
result failed         | ·          | failed     | failed     | failed     | failed     | failed     | failed     | failed     | failed     | failed     | failed     | failed
result cancelled      | ·          | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓ | cancelled✓
result older          | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
result newer          | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
ack-deadline          | ·          | ·          | sent       | cancelled? | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
ack-deadline older    | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
ack-deadline newer    | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
cancel                | cancelled✓ | cancelled? | given+c    | already    | cancelling | cancelling | cancelling | cancelling | already    | away+c     | away+c     | already
cancel-deadline       | ·          | ·          | ·          | cancelled? | ·          | ·          | ·          | ·          | cancelled? | ·          | ·          | cancelled?
run-timeout           | ·          | ·          | ·          | ·          | cancelling | ·          | cancelling | ·          | already    | away+c     | ·          | already
queue-ttl             | expired    | expired    | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
link-lost             | ·          | ·          | ·          | ·          | away       | away+w     | away       | away+w     | away+c     | already    | already    | already
link-back             | ·          | working    | working    | cancelling | already    | already    | already    | already    | already    | working    | waiting    | cancelling
link-back older       | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
link-back newer       | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale      | stale
lease-expired         | ·          | ·          | ·          | ·          | lost       | lost       | lost       | lost       | cancelled? | lost       | lost       | cancelled?
lease-expired requeue | ·          | ·          | ·          | ·          | sent       | sent       | sent       | sent       | cancelled? | sent       | sent       | cancelled?
denied                | ·          | ·          | sent       | cancelled? | lost       | lost       | lost       | lost       | cancelled? | lost       | lost       | cancelled?
denied requeue        | ·          | ·          | sent       | cancelled? | sent       | sent       | sent       | sent       | cancelled? | sent       | sent       | cancelled?
undeliverable         | undelivered| undelivered| undelivered| undelivered| ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
abandon               | lost       | lost       | lost       | cancelled? | lost       | lost       | lost       | lost       | cancelled? | lost       | lost       | cancelled?
wait                  | ·          | ·          | ·          | ·          | waiting    | already    | waiting    | already    | ·          | away+w     | already    | ·
resume                | ·          | ·          | ·          | ·          | already    | working    | already    | already    | already    | already    | away       | already
said inferred         | ·          | ·          | ·          | ·          | hinted     | hinted     | already    | hinted     | ·          | away       | away       | ·
said reported         | ·          | ·          | ·          | ·          | told       | told       | told       | already    | ·          | away+w     | away+w     | ·
said working          | ·          | ·          | ·          | ·          | already    | already    | working    | working    | ·          | already    | already    | ·
said working, asked   | ·          | ·          | ·          | ·          | already    | already    | waiting    | waiting    | ·          | already    | already    | ·
edit priority         | fresh      | sent       | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
edit input            | fresh      | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
drop                  | cancelled✓ | cancelled? | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·          | ·
`
const final = `
                      | succeeded | failed  | undelivered      | cancelled✓ | cancelled?      | timed_out✓ | timed_out?      | expired      | rejected      | lost      | lost late
dispatch              | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
ack                   | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
ack older             | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
ack newer             | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
reject busy           | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
reject unsupported    | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
reject policy         | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
reject older          | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
reject newer          | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
progress              | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
progress older        | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
progress newer        | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
result succeeded      | already   | already | undelivered late | already    | cancelled? late | already    | timed_out? late | expired late | rejected late | lost late | already
result failed         | already   | already | undelivered late | already    | cancelled? late | already    | timed_out? late | expired late | rejected late | lost late | already
result cancelled      | already   | already | undelivered late | already    | cancelled✓ late | already    | timed_out✓ late | expired late | rejected late | lost late | already
result older          | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
result newer          | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
ack-deadline          | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
ack-deadline older    | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
ack-deadline newer    | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
cancel                | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
cancel-deadline       | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
run-timeout           | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
queue-ttl             | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
link-lost             | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
link-back             | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
link-back older       | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
link-back newer       | stale     | stale   | stale            | stale      | stale           | stale      | stale           | stale        | stale         | stale     | stale
lease-expired         | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
lease-expired requeue | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
denied                | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
denied requeue        | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
undeliverable         | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
abandon               | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
wait                  | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
resume                | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
said inferred         | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
said reported         | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
said working          | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
said working, asked   | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
edit priority         | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
edit input            | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
drop                  | ended     | ended   | ended            | ended      | ended           | ended      | ended           | ended        | ended         | ended     | ended
`

const NOW = T0 + 5000

function cell(result: Transition): string {
  if (result.to === 'next') return stateName(result.command)
  switch (result.why) {
    case 'final':
      return 'ended'
    case 'inapplicable':
      return '·'
    default:
      return result.why
  }
}

function outcomes(states: Record<string, Command>): string[][] {
  const rows = trials.map(({ name, given, event }) => [
    name,
    ...Object.values(states).map(state => {
      const command = { ...state, ...given }
      return cell(transition(command, event(command.attempt), NOW))
    }),
  ])
  return [['', ...Object.keys(states)], ...rows]
}

const cells = (table: string) =>
  table
    .trim()
    .split('\n')
    .map(line => line.split('|').map(text => text.trim()))

// Whole tables are compared, so a missing row, column or cell is a difference too.
t.test('[CS1] every event has its outcome in every state', async t => {
  t.same(outcomes(liveStates), cells(live), 'commands that have not ended')
  t.same(outcomes(finalStates), cells(final), 'commands that have ended')
  for (const [name, command] of Object.entries({ ...liveStates, ...finalStates })) t.equal(stateName(command), name)
})
