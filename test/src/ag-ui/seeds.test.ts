import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import type { AgUiEvent } from '../../../src/ag-ui/ag-ui-event.ts'
import type { AgUiRun } from '../../../src/ag-ui/ag-ui-run.ts'
import { type LoggedEvent, RunFold } from '../../../src/ag-ui/run-fold.ts'
import { COMMAND, randomBehaviour } from '../../helpers/ag-ui-behaviour.ts'
import { type Client, generations, quietly } from '../../helpers/ag-ui-clients.ts'
import { seededRandom } from '../../helpers/random.ts'
import { size } from '../../helpers/sizes.ts'

// It computes for about ten seconds, longer on a busy machine.
t.setTimeout(180_000)

const SEEDS = size('SEEDS', { quick: 120, full: 1000 })

const runOf = (segment: number): AgUiRun => ({
  ...{ runId: `run-${segment}`, threadId: 's', agentId: 'a', sessionId: 's', commandId: COMMAND },
  ...{ segment, tools: ['front'], state: {} },
})

/** The frames of every run of the command, and the fold of each. */
function runsOf(log: readonly LoggedEvent[]): { events: AgUiEvent[]; fold: RunFold }[] {
  const runs: { events: AgUiEvent[]; fold: RunFold }[] = []
  for (let segment = 0; ; segment++) {
    const fold = new RunFold(runOf(segment), [])
    const frames = [...fold.begin(), ...log.flatMap(event => fold.apply(event))]
    if (frames.length === 0) return runs
    for (const [i, { n }] of frames.entries()) if (n !== i + 1) throw new Error(`frame ${i} has the number ${n}`)
    const events = frames.map(({ event }) => event)
    runs.push({ events, fold })
    const last = events.at(-1)
    if (last?.type !== 'RUN_FINISHED' || last.outcome?.type !== 'interrupt') return runs
  }
}

/** What a client shows of a message, without fields that only one side leaves out. */
const shown = ({ id, role, content = '', toolCalls = [] }: Client['messages'][number]) => ({
  id,
  role,
  content,
  toolCalls,
})

/** Sorted, because a call may name a message that begins later, which clients then put at the position of the call. */
const shownBy = (messages: Client['messages']) => messages.map(shown).toSorted((a, b) => (a.id < b.id ? -1 : 1))

const asked = (event: AgUiEvent | undefined) =>
  event?.type === 'RUN_FINISHED' && event.outcome?.type === 'interrupt'
    ? event.outcome.interrupts.map(({ id }) => id)
    : []

async function check(t: Test, seed: number, { client, adapt, name }: (typeof generations)[number]): Promise<boolean> {
  const random = seededRandom(seed)
  const isTidy = seed % 2 === 0
  const log = randomBehaviour(random, 10 + random.below(40), isTidy)
  const runs = runsOf(log)
  const viewer = client()
  let answers: string[] = []
  try {
    for (const { events, fold } of runs) {
      await viewer.take(
        events.flatMap(event => adapt(event) ?? []),
        answers,
      )
      answers = asked(events.at(-1))
      if (!fold.isOver && events.at(-1)?.type.startsWith('RUN_')) throw new Error('a terminal, and it goes on')
    }
  } catch (error) {
    t.fail(`seed ${seed}, ${name}: ${(error as Error).message}`, { log: log.map(entry => JSON.stringify(entry)) })
    return false
  }
  if (!isTidy) return true
  const { fold } = runs.at(-1)!
  return isDeepStrictEqual(shownBy(viewer.messages), shownBy(fold.messages()))
    ? true
    : t.same(shownBy(viewer.messages), shownBy(fold.messages()), `seed ${seed}, ${name}: what the client shows`)
}

t.test(
  '[UI1] whatever an agent does, neither generation of clients rejects its stream, and both show what it sent',
  async t => {
    await quietly(async () => {
      for (const generation of generations) {
        const failed: number[] = []
        for (let seed = 1; seed <= SEEDS && failed.length < 5; seed++)
          if (!(await check(t, seed, generation))) failed.push(seed)
        t.same(failed, [], `${SEEDS} seeds with ${generation.name}`)
      }
    })
  },
)

t.test('[UI6] a client that joins at any point gets a valid stream and shows the same in the end', async t => {
  await quietly(async () => {
    for (const { client, adapt, name } of generations) {
      for (let seed = 1; seed <= SEEDS / 4; seed++) {
        const random = seededRandom(seed)
        const isTidy = seed % 2 === 0
        const log = randomBehaviour(random, 10 + random.below(40), isTidy)
        const cut = random.below(log.length)
        const { fold: whole, events } = runsOf(log)[0]!
        const fold = new RunFold(runOf(0), [])
        fold.begin()
        for (const event of log.slice(0, cut)) fold.apply(event)
        const told = [
          ...fold.prelude(),
          ...log.slice(cut).flatMap(event => fold.apply(event).map(({ event }) => event)),
        ]
        const viewer = client()
        try {
          await viewer.take(
            told.flatMap(event => adapt(event) ?? []),
            [],
          )
        } catch (error) {
          t.fail(`seed ${seed}, ${name}, cut ${cut}: ${(error as Error).message}`)
          return
        }
        const what = `seed ${seed}, ${name}, cut ${cut}`
        if (isTidy && !isDeepStrictEqual(shownBy(viewer.messages), shownBy(whole.messages())))
          t.same(shownBy(viewer.messages), shownBy(whole.messages()), what)
        if (!isDeepStrictEqual(told.at(-1), events.at(-1))) t.same(told.at(-1), events.at(-1), what)
      }
    }
  })
})
