import t from 'tap'
import type { AgUiEvent } from '../../../src/ag-ui/ag-ui-event.ts'
import { StreamVerifier } from '../../../src/ag-ui/stream-verifier.ts'
import { generations, quietly } from '../../helpers/ag-ui-clients.ts'
import { seededRandom } from '../../helpers/random.ts'
import { size } from '../../helpers/sizes.ts'

t.setTimeout(120_000)

const SEEDS = size('VERIFIER_SEEDS', { quick: 150, full: 500 })

const run = { threadId: 's', runId: 'r' }

function randomEvents(seed: number): AgUiEvent[] {
  const { below, pick, next } = seededRandom(seed)
  const id = () => pick(['a', 'b', 'c'])
  const tag = () => (next() < 0.3 ? { subagentRunId: pick(['s1', 's2']) } : {})
  const one = (): AgUiEvent =>
    pick<() => AgUiEvent>([
      () => ({ type: 'TEXT_MESSAGE_START', messageId: id(), role: 'assistant', ...tag() }),
      () => ({ type: 'TEXT_MESSAGE_CONTENT', messageId: id(), delta: pick(['', 'x']), ...tag() }),
      () => ({ type: 'TEXT_MESSAGE_END', messageId: id(), ...tag() }),
      () => ({ type: 'TOOL_CALL_START', toolCallId: id(), toolCallName: 'f', ...tag() }),
      () => ({ type: 'TOOL_CALL_ARGS', toolCallId: id(), delta: '{}', ...tag() }),
      () => ({ type: 'TOOL_CALL_END', toolCallId: id(), ...tag() }),
      () => ({ type: 'REASONING_START', messageId: id(), ...tag() }),
      () => ({ type: 'REASONING_MESSAGE_START', messageId: id(), role: 'reasoning', ...tag() }),
      () => ({ type: 'REASONING_MESSAGE_CONTENT', messageId: id(), delta: 'x', ...tag() }),
      () => ({ type: 'REASONING_MESSAGE_END', messageId: id(), ...tag() }),
      () => ({ type: 'REASONING_END', messageId: id(), ...tag() }),
      () => ({ type: 'STEP_STARTED', stepName: id(), ...tag() }),
      () => ({ type: 'STEP_FINISHED', stepName: id(), ...tag() }),
      () => ({ type: 'SUBAGENT_STARTED', subagentRunId: pick(['s1', 's2']), name: 'helper' }),
      () => ({ type: 'SUBAGENT_FINISHED', subagentRunId: pick(['s1', 's2']) }),
      () => ({ type: 'SUBAGENT_ERROR', subagentRunId: pick(['s1', 's2']), message: 'no' }),
      () => ({ type: 'CUSTOM', name: 'x', value: null }),
      () => ({ type: 'RUN_STARTED', ...run }),
      () => (next() < 0.2 ? { type: 'RUN_FINISHED', ...run } : { type: 'CUSTOM', name: 'y', value: 1 }),
      () => (next() < 0.2 ? { type: 'RUN_ERROR', message: 'broken' } : { type: 'CUSTOM', name: 'z', value: 1 }),
    ])()
  const events = Array.from({ length: below(60) }, one)
  // Clients accept no stream without a beginning.
  return next() < 0.8 ? [{ type: 'RUN_STARTED', ...run }, ...events] : [...events, { type: 'RUN_ERROR', message: 'x' }]
}

t.test(
  '[UI1] with events of every kind in any order, clients accept everything that the verifier lets through',
  async t => {
    await quietly(async () => {
      for (const { client, adapt, name } of generations) {
        for (let seed = 1; seed <= SEEDS; seed++) {
          const verifier = new StreamVerifier()
          const events = randomEvents(seed).flatMap(event => verifier.admit(event))
          try {
            await client().take(
              events.flatMap(event => adapt(event) ?? []),
              [],
            )
          } catch (error) {
            t.fail(`seed ${seed}, ${name}: ${(error as Error).message}`, { events: events.map(e => JSON.stringify(e)) })
          }
        }
        t.pass(name)
      }
    })
  },
)

t.test('when a run ends, everything open is closed, the last first, and nothing follows', async t => {
  const verifier = new StreamVerifier()
  const all = (
    [
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'early', delta: 'x' },
      { type: 'RUN_STARTED', ...run },
      { type: 'STEP_STARTED', stepName: 's' },
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: 'x' },
      { type: 'TOOL_CALL_ARGS', toolCallId: 'unknown', delta: 'x' },
      { type: 'TOOL_CALL_START', toolCallId: 't', toolCallName: 'f' },
      { type: 'RUN_FINISHED', ...run },
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: 'late' },
      { type: 'RUN_ERROR', message: 'late' },
    ] satisfies AgUiEvent[]
  ).flatMap(event => verifier.admit(event))
  t.same(
    all.map(({ type }) => type),
    [
      ...['RUN_STARTED', 'STEP_STARTED', 'TEXT_MESSAGE_START', 'TEXT_MESSAGE_CONTENT', 'TOOL_CALL_START'],
      ...['TOOL_CALL_END', 'TEXT_MESSAGE_END', 'STEP_FINISHED', 'RUN_FINISHED'],
    ],
  )
  t.ok(verifier.isOver)
})
