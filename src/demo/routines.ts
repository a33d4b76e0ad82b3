import type { Command } from '@fleetwire/protocol'
import { demoAgents } from './demo-agents.ts'
import type { Director, Routine } from './director.ts'
import { between } from './pause.ts'
import { typeIntoPrompt } from './prompt-typist.ts'

const MAX_RETRIES = 4
const SYNTHETIC_COMMANDS_PER_SECOND = 5

/** Time for people to read the result. */
const toRead = () => between(9_000, 18_000)
/** The person who stopped the command may want to use the agent. */
const AFTER_STOP_MS = 45_000
/** Long, since an agent may be waiting for a person. */
const ANSWER_WITHIN_MS = 15 * 60_000

async function restAfter(director: Director, command: Command, ms = toRead()): Promise<void> {
  await director.pause(command.status === 'cancelled' ? Math.max(ms, AFTER_STOP_MS) : ms)
}

/** Runs a list of jobs for one agent, one after the other. */
const inTurn =
  (agentId: string, kind: string, inputs: readonly string[], rest = toRead): Routine =>
  async director => {
    for (const input of inputs) await restAfter(director, await director.run({ agentId, kind, input }), rest())
  }

const runTests = inTurn('test-runner', 'shell', [
  'node test.js --pace 200',
  'node test.js csv roman --pace 250',
  'wc -l src/*.js test/*.js && ls -l',
  'node test.js --pace 120',
  'for i in 1 2 3 4 5; do echo "round $i of 5"; node test.js csv wrap --pace 150 || exit 1; sleep 1; done',
])

const questions = [
  ['What is in this project?', 'Explain the lru cache', 'Which function is the longest?', 'Thanks, that is all'],
  ['How is it tested?', 'Explain csv', 'Where are quotes written?', 'Thank you'],
  ['Give me an overview', 'Explain roman', 'Explain wrap', 'How large are the modules?', 'Bye'],
]

/** Conversations: all commands of a conversation name the same session. */
const converse: Routine = async director => {
  for (const conversation of questions) {
    const sessionId = `ses_${Math.random().toString(36).slice(2, 12)}`
    for (const input of conversation) {
      await restAfter(director, await director.run({ agentId: 'explainer', kind: 'prompt', input, sessionId }))
    }
  }
}

const cleanUp = inTurn(
  'cleaner',
  'prompt',
  ['Make a build, then clean up', 'Pack the build', 'Make a build, then clean up', 'Delete what is old'],
  () => between(15_000, 25_000),
)

/** Retries failed commands as a person would: `POST /commands/:commandId/retry`. */
const checkLinks: Routine = async director => {
  let command = await director.run({
    agentId: 'link-checker',
    kind: 'prompt',
    input: 'Does the status service answer?',
  })
  for (let n = 0; n < MAX_RETRIES && command.status === 'failed'; n++) {
    await director.pause(between(4_000, 7_000))
    const retry = await director.call<Command>(`/commands/${command.commandId}/retry`)
    command = await director.ended(retry.commandId)
  }
  await restAfter(director, command, between(20_000, 30_000))
}

const copyLibrary = inTurn('archivist', 'prompt', ['Archive the library and compare every file'], () =>
  between(20_000, 35_000),
)

/** One command for all six agents at once; busy agents answer later. */
const rollCall: Routine = async director => {
  await director.pause(between(60_000, 90_000))
  const command = { kind: 'status', input: 'How are you?', queueTtlMs: ANSWER_WITHIN_MS }
  await director.call('/commands', { selector: { ids: demoAgents.map(({ agentId }) => agentId) }, command })
  await director.pause(between(120_000, 240_000))
}

const keepSyntheticBusy: Routine = async director => {
  const { synthetic } = director
  const perSecond = Math.min(SYNTHETIC_COMMANDS_PER_SECOND, synthetic.length / 20)
  // Without synthetic agents there is nothing to do: wait long.
  if (synthetic.length === 0) return director.pause(3_600_000)
  await director.pause(1000 / perSecond)
  const agentId = synthetic[Math.floor(Math.random() * synthetic.length)]!
  await director.submit({ agentId, kind: 'prompt', input: 'Wait a little' })
}

export const routines: readonly Routine[] = [
  runTests,
  converse,
  cleanUp,
  checkLinks,
  copyLibrary,
  typeIntoPrompt,
  rollCall,
  keepSyntheticBusy,
]
