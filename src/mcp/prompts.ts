import type { McpServer } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import { toolSchema } from './tool-schema.ts'

const asUser = (text: string) => ({ messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }] })

/** Frequent requests to a fleet. */
export function addPrompts(server: McpServer): void {
  server.registerPrompt(
    'fleet_status',
    {
      title: 'How is the fleet?',
      description: 'What the agents are doing, what went wrong, what is waiting for an answer',
    },
    async () =>
      asUser(
        'How is the fleet? Use fleet_summary, then list_requests for what is waiting for an answer and list_commands for what failed lately. Answer in a few lines, starting with what needs my attention. Do not answer requests and do not send commands.',
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
          task: Type.String({ description: 'What to do' }),
        }),
      ),
    },
    async ({ agentId, task }) =>
      asUser(
        `Give this task to the agent "${agentId}" with send_command (kind "prompt" if get_agent says that it accepts prompts) and a new idempotencyKey, follow it with wait_command until it has ended, and report the result. If it asks something (answer_request), ask me first.\n\nThe task:\n${task}`,
      ),
  )
}
