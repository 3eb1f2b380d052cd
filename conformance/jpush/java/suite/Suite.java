import cn.jiguang.common.resp.APIRequestException;
import com.google.gson.JsonObject;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs test classes and prints a line for each test. */
public class Suite extends RunListener {
  private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private final Map<Description, String> failures = new HashMap<>();

  public static void main(String[] classes) throws Exception {
    JUnitCore core = new JUnitCore();
    core.addListener(new Suite());
    for (String name : classes) core.run(Class.forName(name));
    System.exit(0); // the client leaves threads behind
  }

  @Override public void testFailure(Failure f) {
    StringBuilder why = new StringBuilder();
    for (Throwable t = f.getException(); t != null; t = t.getCause()) {
      if (t instanceof APIRequestException e) why.append(e.getStatus()).append(' ').append(e.getErrorCode()).append(' ').append(e.getErrorMessage()).append("; ");
      else why.append(t).append("; ");
    }
    failures.put(f.getDescription(), why.toString());
    if (f.getDescription().getMethodName() == null) say(f.getDescription()); // of the whole class
  }

  @Override public void testFinished(Description d) { say(d); }

  private void say(Description d) {
    String why = failures.get(d);
    JsonObject o = new JsonObject();
    o.addProperty("test", d.getClassName().replaceFirst("^cn\\.jpush\\.api\\.", "") + "." + d.getMethodName());
    o.addProperty("failed", why != null);
    o.addProperty("why", why == null ? "" : why);
    out.println("\nresult " + o);
  }
}
