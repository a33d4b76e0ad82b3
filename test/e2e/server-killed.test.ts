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
  'an ACP agent in mid-turn, and again while it asks: nothing is lost or repeated, and the question is answered':
    acpAgent,
  'an AG-UI agent in mid-run: nothing is lost': agUiAgent,
  '[UI4] [UI5] an AG-UI client in mid-run: the answer of the run arrives complete': agUiClient,
  'a permission request of a wrapped program: it reappears, and its answer reaches the program once': claudeHook,
  'send and tail continue: no line is lost or repeated': commandLine,
  'a step of a workflow: the step does not notice': githubStep,
  '[IN6] [IN9] after a question: it is answered, the agent gets the answer, and the command continues':
    interaction('asked'),
  '[IN6] [IN9] after an answer that has not reached its agent: the agent gets it, and the command continues':
    interaction('answered'),
  ...(isFull && {
    '[IN6] [IN9] after the question and again after the answer: the agent gets the answer, and the command continues':
      interaction('asked', 'answered'),
  }),
  '[MC4] [MC7] [MC8] [MC10] MCP clients of every kind follow a command to its end, and are notified of later changes':
    mcpClients,
  '[WH5] a webhook skips no event, and each has one id and one position': webhook,
  'the receiver of examples/ verifies deliveries, and follows a command to its end': webhookReceiver,
  'a remote viewer sees what the local one sees, at three sizes and once the server is back': wrapScreens,
}

/** Runs only some of them: KILLED=webhook node dist/test/e2e/server-killed.test.js */
const ONLY = process.env.KILLED ?? ''

t.setTimeout(600_000)
t.test('a server that is killed with -9', t =>
  killTogether(t, Object.fromEntries(Object.entries(tests).filter(([title]) => title.includes(ONLY)))),
)
