// JSX is compiled as tsconfig.json says: no plugin is needed for that.
export default { base: "./", resolve: { dedupe: ["react", "react-dom"] } };
