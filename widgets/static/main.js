// Entry of the widgets: a view is drawn for each place in a page where a widget is shown.
import {Channel} from "./channel.js";
import {Layout} from "./layout.js";

export default {
  render({model, el}) {
    const channel = new Channel(model);
    const layout = new Layout(model, channel);
    el.append(layout.element);
    channel.hello();
    return () => {
      layout.close();
      channel.close();
    };
  },
};
