import { accept, type Dashboard, refuse } from '../dashboard.ts'
import { type ChangeFrame, perform } from '../perform.ts'

/** A frame that changes something is carried out on the active node. */
export async function change(frame: ChangeFrame, dashboard: Dashboard): Promise<void> {
  const { app, connection } = dashboard
  const { principal, address } = connection
  const performed = await perform(app, frame, { principal, address })
  if (performed.status === 'refused') refuse(dashboard, frame, performed.error)
  else accept(dashboard, frame, performed.fields)
}
