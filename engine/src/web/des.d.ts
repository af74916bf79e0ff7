declare module 'des.js' {
  interface Options {
    type: 'encrypt' | 'decrypt';
    key: Uint8Array;
    iv: Uint8Array;
    /** true when absent. */
    padding: boolean;
  }
  const des: {
    EDE: unknown;
    CBC: {
      instantiate(cipher: unknown): {
        create(options: Options): { update(data: Uint8Array): number[]; final(): number[] };
      };
    };
  };
  export default des;
}
