import { mediaHook } from './media-hook.ts'

/** Whether the page is as narrow as a phone: one column, sheets instead of dialogs, navigation at the bottom. */
export const usePhone = mediaHook('(width < 720px)')
