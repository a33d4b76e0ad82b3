import type { McpServer } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import { toolSchema } from './tool-schema.ts'

const asUser = (text: string) => ({ messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }] })

/** Frequent requests to a fleet. */
export function addPrompts(server: McpServer): void {
  server.registerPrompt(
    'fleet_status',
    { title: 'How is the fleet?', description: 'What the agents do, what went wrong, what waits for an answer' },
    async () =>
      asUser(
        'How is the fleet? Use fleet_summary, then list_requests for what waits for an answer and list_commands for what failed lately. Tell it in a few lines, what wants my attention first. Do not answer requests and do not send commands.',
      ),
  )
  server.registerPrompt(
    'delegate',
    {
      title: 'Delegate a task',
      description: 'Gives an agent a task, follows it to its end and reports',
      argsSchema: toolSchema(
        Type.Object({
          agentId: Type.String({ description: 'The agent, from list_agents' }),
          task: Type.String({ description: 'What is to be done' }),
        }),
      ),
    },
    async ({ agentId, task }) =>
      asUser(
        `Give this task to the agent "${agentId}" with send_command (kind "prompt" if get_agent says that it takes prompts) and an idempotencyKey of your own, follow it with wait_command until it has ended, and report the result. If it asks something (answer_request), ask me first.\n\nThe task:\n${task}`,
      ),
  )
}
