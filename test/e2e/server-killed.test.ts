import t from 'tap'
import { killTogether } from '../helpers/killed-server.ts'
import { isFull } from '../helpers/sizes.ts'
import { acpAgent } from './killed/acp.ts'
import { agUiAgent } from './killed/ag-ui-agent.ts'
import { agUiClient } from './killed/ag-ui-client.ts'
import { claudeHook } from './killed/claude-hooks.ts'
import { commandLine } from './killed/command-line.ts'
import { githubStep } from './killed/github-action.ts'
import { interaction } from './killed/interaction.ts'
import { mcpClients } from './killed/mcp.ts'
import { webhook, webhookReceiver } from './killed/webhooks.ts'
import { wrapScreens } from './killed/wrap-screens.ts'

const tests = {
  'an ACP agent in the middle of a turn, and again while it asks: nothing is lost or said twice, and the question is answered':
    acpAgent,
  'an AG-UI agent in mid-run: nothing of it is lost': agUiAgent,
  '[UI4] [UI5] an AG-UI client in mid-run: the answer of the run arrives whole': agUiClient,
  'a permission that a wrapped program asks for: it is there again, and its answer reaches the program once':
    claudeHook,
  'send and tail continue: no line is lost or repeated': commandLine,
  'a step of a workflow: it costs the step nothing': githubStep,
  '[IN6] [IN9] after a question: it is answered, the agent gets it, the command goes on': interaction('asked'),
  '[IN6] [IN9] after an answer that its agent has not heard: the agent gets it, the command goes on':
    interaction('answered'),
  ...(isFull && {
    '[IN6] [IN9] after the question and again after the answer: the agent gets it, the command goes on': interaction(
      'asked',
      'answered',
    ),
  }),
  '[MC4] [MC7] [MC8] [MC10] clients of MCP of every kind see a command through, and hear of changes after it':
    mcpClients,
  '[WH5] a webhook leaves out no event, and each has one id and one place': webhook,
  'the receiver of examples/ verifies, and sees a command through': webhookReceiver,
  'a remote viewer sees what the local one does, at three sizes and when the server is back': wrapScreens,
}

/** Some by themselves: KILLED=webhook node dist/test/e2e/server-killed.test.js */
const ONLY = process.env.KILLED ?? ''

t.setTimeout(600_000)
t.test('a server that is killed with -9', t =>
  killTogether(t, Object.fromEntries(Object.entries(tests).filter(([title]) => title.includes(ONLY)))),
)
