/** JSON on one line: it may have line breaks between its tokens, and there they mean nothing; within texts they are escaped. */
export const oneLine = (json: string): string => json.replaceAll(/[\r\n]/g, ' ');
