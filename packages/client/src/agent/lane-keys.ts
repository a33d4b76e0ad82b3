/** Reports without any of these ids share one lane. */
const REST = 'rest'

interface Concerned {
  sessionId?: string
  commandId?: string
  interactionId?: string
  taskId?: string
  terminalId?: string
}

/**
 * The keys within which a report must keep its order: session, command, interaction, terminal, task. Messages that
 * merely name a task do not hold up other commands of that task.
 */
export function laneKeys(type: string, payload: object, run: string | undefined): readonly string[] | 'all' {
  if (type === 'agent:exit') return 'all'
  const { sessionId, commandId, interactionId, taskId, terminalId } = payload as Concerned
  const keys = new Set<string>()
  if (sessionId !== undefined) keys.add(`session ${sessionId}`)
  if (commandId !== undefined) keys.add(`command ${commandId}`)
  if (run !== undefined) keys.add(`command ${run}`)
  if (interactionId !== undefined) keys.add(`interaction ${interactionId}`)
  if (terminalId !== undefined) keys.add(`terminal ${terminalId}`)
  if (taskId !== undefined && type.startsWith('task:')) keys.add(`task ${taskId}`)
  return keys.size > 0 ? [...keys] : [REST]
}
