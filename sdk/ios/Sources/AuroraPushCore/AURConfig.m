#import "AURConfig.h"
#import "AURErrors.h"
#import "AURPropertyList.h"
#import "AURValues.h"

static NSString *const ChannelKey = @"CHANNEL", *const AppKeyKey = @"APP_KEY", *const ProductionKey = @"APS_FOR_PRODUCTION", *const ServerKey = @"SERVER";

static NSString *remedy(NSString *key) {
    return @{
        ChannelKey : @"write a short text such as \"App Store\"",
        AppKeyKey : @"copy the 24 characters of the AppKey from the app's page in the console",
        ProductionKey : @"write \"1\" for App Store and TestFlight builds, \"0\" for builds run from Xcode",
        ServerKey : @"write the base URL of your Aurora, such as https://push.example.com",
    }[key] ?: @"make the file anew in the console";
}

static NSString *quoted(NSString *text, NSString *what) {
    return [NSString stringWithFormat:@"is \"%@\", which %@", text.length <= 100 ? text : [text substringToIndex:100], what];
}

/// What is wrong with a value, nil if nothing is.
static NSString *problemOf(NSString *key, id value) {
    if (value == nil || (key == ServerKey && [value isEqual:@""])) return @"is missing";
    if (key == ProductionKey) return AURMatches([value description], @"0|1") ? nil : quoted([value description], @"is neither 0 nor 1");
    if (![value isKindOfClass:[NSString class]]) return @"is not text";
    if (key == AppKeyKey) return AURMatches(value, @"[0-9a-z]{24}") ? nil : quoted(value, @"is not 24 lower-case letters and digits");
    if (key == ChannelKey) {
        BOOL good = [value lengthOfBytesUsingEncoding:NSUTF8StringEncoding] <= 255 && AURMatches(value, @"\\P{Cc}*[^\\s\\p{Cc}]\\P{Cc}*");
        return good ? nil : @"is empty, longer than 255 bytes, or holds control characters";
    }
    if ([value rangeOfString:@"@"].length > 0) return @"holds a user name or password"; // not repeated: it may be a secret
    BOOL good = AURMatches(value, @"(?i)https?://[^/?#\\s]+(/[^?#\\s]*)?") && [NSURL URLWithString:value] != nil;
    return good ? nil : quoted(value, @"is not https:// or http://, a host, and perhaps a path");
}

/// Sets an error that names all that is wrong, so that it is seen at once; NO if there is something.
static BOOL check(NSArray<NSString *> *keys, NSDictionary *values, NSString *unreadable, NSError **error) {
    NSMutableArray *bad = [NSMutableArray array];
    NSMutableString *text = [NSMutableString stringWithString:@"PushConfig.plist:"];
    for (NSString *key in keys) {
        NSString *problem = unreadable ?: problemOf(key, values[key]);
        if (problem == nil) continue;
        [bad addObject:key];
        [text appendFormat:@" %@ %@; %@\n", key, problem, remedy(key)];
    }
    if (bad.count == 0) return YES;
    if (error != NULL) *error = [NSError errorWithDomain:AURErrorDomain code:AURErrorConfiguration userInfo:@{NSLocalizedDescriptionKey : text, AURErrorKeysKey : bad}];
    return NO;
}

@implementation AURConfig

- (instancetype)initWithAppKey:(NSString *)appKey channel:(NSString *)channel production:(BOOL)production server:(NSString *)server {
    if ((self = [super init])) {
        _appKey = [appKey copy];
        _channel = [channel copy];
        _production = production;
        _server = [server copy];
    }
    return self;
}

- (id)copyWithZone:(NSZone *)zone { return self; }

+ (instancetype)configWithPropertyList:(NSData *)data error:(NSError **)error {
    NSString *problem = nil;
    NSDictionary *file = AURParsePropertyList(data, &problem);
    NSMutableArray *keys = [@[ ChannelKey, AppKeyKey, ProductionKey ] mutableCopy];
    if (file[ServerKey] != nil) [keys addObject:ServerKey];
    if (file == nil) keys = [@[ @"PLIST" ] mutableCopy];
    if (!check(keys, file, file == nil ? [@"is not readable: " stringByAppendingString:problem] : nil, error)) return nil;
    AURConfig *config = [[self alloc] initWithAppKey:file[AppKeyKey] channel:file[ChannelKey] production:[file[ProductionKey] boolValue] server:file[ServerKey] ?: @""];
    config->_appGroup = [AURText(file, @"APP_GROUP") copy];
    return config;
}

- (BOOL)check:(NSError **)error {
    return check(@[ ChannelKey, AppKeyKey, ServerKey ], @{ChannelKey : _channel ?: @"", AppKeyKey : _appKey ?: @"", ServerKey : _server ?: @""}, nil, error);
}

@end
