#import "AURApplicationObserver.h"

#if TARGET_OS_IPHONE
#import "AURPushCentre.h"
#import <UIKit/UIKit.h>

@implementation AURApplicationObserver

+ (void)begin {
    static AURApplicationObserver *observer; // main thread only
    [self read];
    if (observer != nil) return;
    observer = [[self alloc] init];
    NSNotificationCenter *center = [NSNotificationCenter defaultCenter];
    [center addObserver:observer selector:@selector(becameActive:) name:UIApplicationDidBecomeActiveNotification object:nil];
    [center addObserver:observer selector:@selector(resigned:) name:UIApplicationWillResignActiveNotification object:nil];
    [center addObserver:observer selector:@selector(entering:) name:UIApplicationWillEnterForegroundNotification object:nil];
    [center addObserver:observer selector:@selector(left:) name:UIApplicationDidEnterBackgroundNotification object:nil];
}

+ (void)read {
    switch ([UIApplication sharedApplication].applicationState) {
    case UIApplicationStateActive: [AURPushCentre shared].appState = AURAppActive; break;
    case UIApplicationStateInactive: [AURPushCentre shared].appState = AURAppInactive; break;
    case UIApplicationStateBackground: [AURPushCentre shared].appState = AURAppBackground; break;
    }
}

- (void)becameActive:(NSNotification *)notification { [AURPushCentre shared].appState = AURAppActive; }

- (void)resigned:(NSNotification *)notification { [AURPushCentre shared].appState = AURAppInactive; }

- (void)entering:(NSNotification *)notification { [AURPushCentre shared].appState = AURAppInactive; }

- (void)left:(NSNotification *)notification { [AURPushCentre shared].appState = AURAppBackground; }

@end
#endif
