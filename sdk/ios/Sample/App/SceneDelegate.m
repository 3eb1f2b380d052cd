#import "SceneDelegate.h"
#import "EventsViewController.h"

@implementation SceneDelegate

// Nothing about push is needed here: the notification centre's delegate gets the tap that starts the app.
- (void)scene:(UIScene *)scene willConnectToSession:(UISceneSession *)session options:(UISceneConnectionOptions *)connectionOptions {
    self.window = [[UIWindow alloc] initWithWindowScene:(UIWindowScene *)scene];
    self.window.rootViewController = [[EventsViewController alloc] init];
    [self.window makeKeyAndVisible];
}

@end
