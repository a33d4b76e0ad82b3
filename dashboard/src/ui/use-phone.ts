import { mediaHook } from './media-hook.ts'

/** Phones have one column, sheets instead of dialogs, navigation at the bottom. */
export const usePhone = mediaHook('(width < 720px)')
