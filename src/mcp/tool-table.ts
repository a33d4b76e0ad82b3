import type { Tool } from './tool.ts'
import { agentTools } from './tools/agents.ts'
import { commandTools } from './tools/commands.ts'
import { outputTools } from './tools/output.ts'
import { requestTools } from './tools/requests.ts'
import { sessionTools } from './tools/sessions.ts'

/** Every tool, in the order in which clients show them. docs/mcp.md has the same table. */
export const tools: readonly Tool[] = [...agentTools, ...commandTools, ...outputTools, ...sessionTools, ...requestTools]
