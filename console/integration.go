package console

import "strings"

// integration is the code that starts the SDK in an app, with the app's own
// values. It uses the calls of docs/ios.md; a test looks each of them up in
// the SDK's headers.
type integration struct{ ObjectiveC, Swift string }

func integrate(appKey, server string) integration {
	// Inside a string literal of either language only these two would end it
	// or mean something else; Swift's \( is covered by the backslash.
	server = strings.NewReplacer(`\`, "", `"`, "").Replace(server)
	fill := strings.NewReplacer("APPKEY", appKey, "SERVER", server)
	return integration{fill.Replace(objectiveC), fill.Replace(swift)}
}

const objectiveC = `#import "AuroraPush.h"

- (BOOL)application:(UIApplication *)application
    didFinishLaunchingWithOptions:(NSDictionary *)launchOptions {
#if DEBUG
    BOOL production = NO;   // builds from Xcode
#else
    BOOL production = YES;  // TestFlight, App Store, ad hoc
#endif
    AURRegisterEntity *entity = [[AURRegisterEntity alloc] init];
    entity.types = AURAuthorizationOptionAlert
                 | AURAuthorizationOptionBadge
                 | AURAuthorizationOptionSound;
    [AURPushService registerForRemoteNotificationConfig:entity delegate:self];
    [AURPushService setServer:@"SERVER"];
    [AURPushService setupWithOption:launchOptions
                             appKey:@"APPKEY"
                            channel:@"App Store"
                   apsForProduction:production];
    return YES;
}

- (void)application:(UIApplication *)application
    didRegisterForRemoteNotificationsWithDeviceToken:(NSData *)deviceToken {
    [AURPushService registerDeviceToken:deviceToken];
}

- (void)application:(UIApplication *)application
    didReceiveRemoteNotification:(NSDictionary *)userInfo
          fetchCompletionHandler:(void (^)(UIBackgroundFetchResult))handler {
    [AURPushService didReceiveRemoteNotification:userInfo
                          fetchCompletionHandler:handler];
}
`

const swift = `import AuroraPush

func application(_ application: UIApplication,
                 didFinishLaunchingWithOptions launchOptions:
                     [UIApplication.LaunchOptionsKey: Any]?) -> Bool {
    #if DEBUG
    let production = false  // builds from Xcode
    #else
    let production = true   // TestFlight, App Store, ad hoc
    #endif
    let entity = AURRegisterEntity()
    entity.types = Int(AURAuthorizationOptions([.alert, .badge, .sound]).rawValue)
    AURPushService.register(forRemoteNotificationConfig: entity, delegate: self)
    AURPushService.setServer("SERVER")
    AURPushService.setup(withOption: launchOptions,
                         appKey: "APPKEY",
                         channel: "App Store",
                         apsForProduction: production)
    return true
}

func application(_ application: UIApplication,
                 didRegisterForRemoteNotificationsWithDeviceToken deviceToken: Data) {
    AURPushService.registerDeviceToken(deviceToken)
}

func application(_ application: UIApplication,
                 didReceiveRemoteNotification userInfo: [AnyHashable: Any],
                 fetchCompletionHandler handler:
                     @escaping (UIBackgroundFetchResult) -> Void) {
    AURPushService.didReceiveRemoteNotification(userInfo,
                                                fetchCompletionHandler: handler)
}
`
