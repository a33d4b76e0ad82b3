import { create } from 'zustand'

export interface MadeToken {
  id: string
  token: string
}

/** The dialogs of the fleet screen. */
export type FleetDialog =
  | { type: 'send'; ids?: readonly string[] }
  | { type: 'batch'; parentId: string }
  | { type: 'stop'; ids: readonly string[] }
  | { type: 'disconnect'; ids: readonly string[] }
  /** `made`: a token that was minted before the dialog opened. */
  | { type: 'connect'; made?: MadeToken }

export const useFleetDialog = create<{ dialog: FleetDialog | undefined }>(() => ({ dialog: undefined }))

export const openDialog = (dialog: FleetDialog): void => useFleetDialog.setState({ dialog })
export const closeDialog = (): void => useFleetDialog.setState({ dialog: undefined })
