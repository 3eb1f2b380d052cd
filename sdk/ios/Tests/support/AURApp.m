#import "AURApp.h"
#import "AURTest.h"

static NSMutableArray<NSString *> *lines;

NSDictionary *AURGoodPlist(void) {
    return @{@"APP_KEY" : AURWorldAppKey, @"CHANNEL" : @"App Store", @"APS_FOR_PRODUCTION" : @"0", @"SERVER" : @"http://aurora.test"};
}

NSArray<NSString *> *AURLines(void) { return [lines copy]; }

void AURLaunch(AURWorld *world, NSDictionary *plist, NSString *signedFor) {
    [AURPushCentre restart];
    lines = [NSMutableArray array];
    NSMutableArray *all = lines;
    AURLog.level = AURLogLevelInfo;
    AURLog.handler = ^(AURLogLevel level, NSString *line) {
        [all addObject:line];
        if (getenv("AURORA_TEST_LOG") != NULL) printf("      %s\n", line.UTF8String);
    };
    NSURL *folder = AURTemporaryFolder();
    NSMutableString *text = [NSMutableString stringWithString:@"<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>"];
    for (NSString *key in plist) [text appendFormat:@"<key>%@</key><string>%@</string>", key, plist[key]];
    [text appendString:@"</dict></plist>"];
    if (plist != nil) [[text dataUsingEncoding:NSUTF8StringEncoding] writeToFile:[folder.path stringByAppendingPathComponent:@"PushConfig.plist"] atomically:YES];
    NSString *profile = [NSString stringWithFormat:@"0\x01<plist><key>aps-environment</key>\n<string>%@</string></plist>", signedFor];
    if (signedFor != nil) [[profile dataUsingEncoding:NSUTF8StringEncoding] writeToFile:[folder.path stringByAppendingPathComponent:@"embedded.mobileprovision"] atomically:YES];
    [AURPushCentre shared].environment = [world environment];
    [AURPushCentre shared].bundle = [NSBundle bundleWithPath:folder.path];
}

void AURRun(AURWorld *world, NSTimeInterval seconds) {
    for (int i = 0; i < 5; i++) {
        [world pass:seconds / 5];
        // The main thread's queue is real.
        __block BOOL empty = NO;
        [[AURMainQueue shared] perform:^{ empty = YES; }];
        while (!empty) [[NSRunLoop currentRunLoop] runMode:NSDefaultRunLoopMode beforeDate:[NSDate dateWithTimeIntervalSinceNow:0.01]];
    }
}
