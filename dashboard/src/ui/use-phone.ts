import { mediaHook } from './media-hook.ts'

/** One column, sheets instead of dialogs, navigation under the thumb. */
export const usePhone = mediaHook('(width < 720px)')
