package lambent.runtime;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The function's classes: its package, the package's lib/*.jar, then the layers' lib/*.jar, jars in lexical order so
 * that which class wins does not depend on the file system. The parent comes first, so that a function which bundles
 * aws-lambda-java-core shares our interfaces.
 */
final class FunctionClassLoader extends URLClassLoader {
    static {
        registerAsParallelCapable();
    }

    FunctionClassLoader(String task, String layers, ClassLoader parent) throws MalformedURLException {
        super(places(task, layers), parent);
    }

    private static URL[] places(String task, String layers) throws MalformedURLException {
        List<URL> places = new ArrayList<>();
        places.add(new URL("file", null, -1, task + "/"));
        jars(task + "/lib", places);
        jars(layers + "/lib", places);
        return places.toArray(new URL[0]);
    }

    private static void jars(String folder, List<URL> places) throws MalformedURLException {
        String[] names = new File(folder).list();
        if (names == null) {
            return;
        }
        Arrays.sort(names);
        for (String name : names) {
            if (name.endsWith(".jar")) {
                places.add(new URL("file", null, -1, folder + "/" + name));
            }
        }
    }
}
